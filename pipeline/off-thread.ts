/**
 * The page's end of a pipeline whose model is in a worker: starts it, sends calls, and gives back what a pipeline here would give. An
 * abort is answered at once, while the worker stops before its next layer. A worker that ends is an error for all who wait.
 */
import type { RunInfo } from "../bert/choose-backend.ts";
import type { LoadOptions } from "../bert/load.ts";
import { checkSignal, untilAborted } from "../engine/abort.ts";
import { TaperError } from "../engine/errors.ts";
import type { ModelSource } from "../engine/model-files.ts";
import { unpackFeatures } from "./feature-extraction.ts";
import { type Answer, inputsOf, type Request, unpackError } from "./messages.ts";
import type { Calls, PipelineTask } from "./tasks.ts";

/** The parts of a Worker that are used. */
export interface Thread {
  postMessage(message: Request): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Answer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

export interface StartedPipeline<T extends PipelineTask> {
  readonly call: Calls[T];
  readonly info: RunInfo;
  dispose(): Promise<void>;
}

// Bundlers look for exactly this expression.
const startWorker = (): Thread =>
  new Worker(new URL("./pipeline-worker.js", import.meta.url), { type: "module", name: "taperbert" });

/** Throws what loading throws there, and ERR_BACKEND if the worker cannot start; it is ended then. */
export async function startPipeline<T extends PipelineTask>(
  task: T,
  source: ModelSource,
  options: LoadOptions,
  start: () => Thread = startWorker,
): Promise<StartedPipeline<T>> {
  const line = lineTo(start);
  try {
    const info = await line.ask((id) => ({ kind: "load", id, task, source: absolute(source), options })).answer;
    const call = (...args: unknown[]): Promise<unknown> => ask(line, task, args);
    return { call: call as Calls[T], info: info as RunInfo, dispose: once(() => hangUp(line)) };
  } catch (error) {
    line.end();
    throw error;
  }
}

async function ask(line: Line, task: PipelineTask, args: readonly unknown[]): Promise<unknown> {
  const inputs = inputsOf(task);
  const options = args[inputs];
  const hasSignal = typeof options === "object" && options !== null && "signal" in options;
  const { signal, ...rest } = (hasSignal ? options : {}) as { readonly signal?: AbortSignal | undefined };
  checkSignal(signal);
  const sent = [...args.slice(0, inputs), ...(options === undefined ? [] : [hasSignal ? rest : options])];
  const { id, answer } = line.ask((id) => ({ kind: "call", id, args: sent, abortable: signal !== undefined }));
  if (signal === undefined) return unpackFrom(task, await answer);
  const abort = (): void => line.tell({ kind: "abort", id });
  signal.addEventListener("abort", abort, { once: true });
  try {
    return unpackFrom(task, await untilAborted(answer, signal));
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const unpackFrom = (task: PipelineTask, value: unknown): unknown =>
  task === "feature-extraction" ? unpackFeatures(value) : value;

/** Calls made before are still answered. */
async function hangUp(line: Line): Promise<void> {
  try {
    await line.ask((id) => ({ kind: "dispose", id })).answer;
  } finally {
    line.end();
  }
}

interface Line {
  /** Sends a request that is answered. */
  ask(request: (id: number) => Request): { readonly id: number; readonly answer: Promise<unknown> };
  /** Sends one that is not. */
  tell(request: Request): void;
  /** Ends the worker; who asks from now on is told ERR_DISPOSED. */
  end(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

function lineTo(start: () => Thread): Line {
  const waiting = new Map<number, Waiting>();
  let count = 0;
  let failure: TaperError | undefined;
  let thread: Thread;
  const fail = (error: TaperError): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  const broken = (reason: string): TaperError =>
    new TaperError(
      "ERR_BACKEND",
      `pipeline: its worker ended: ${reason}. pipeline-worker.js must lie beside the code that starts it (bundlers: see the ` +
        "README); worker: false does without.",
    );
  try {
    thread = start();
  } catch (error) {
    throw broken((error as Error).message);
  }
  thread.onerror = (event) => {
    event.preventDefault();
    fail(broken(event.message || "its script could not be loaded"));
    thread.terminate();
  };
  thread.onmessage = ({ data }) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) asked?.reject(unpackError(data.error));
    else asked?.resolve(data.value);
  };
  return {
    ask(request) {
      const id = count++;
      const answer = new Promise((resolve, reject) => {
        if (failure !== undefined) throw failure;
        try {
          thread.postMessage(request(id));
        } catch (error) {
          throw new TaperError(
            "ERR_INPUT",
            `pipeline: what is given cannot go to its worker: ${(error as Error).message}; worker: false keeps it here.`,
            { cause: error },
          );
        }
        waiting.set(id, { resolve, reject });
      });
      return { id, answer };
    },
    tell(request) {
      if (failure === undefined) thread.postMessage(request);
    },
    end() {
      fail(new TaperError("ERR_DISPOSED", "this pipeline was disposed; make a new one."));
      thread.terminate();
    },
  };
}

/** A relative URL is relative to the page, not to the worker's script. */
function absolute(source: ModelSource): unknown {
  if (source instanceof URL) return source.href;
  if (typeof source !== "string" || source === "") return source;
  return new URL(source, globalThis.location?.href).href;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => {
    running ??= run();
    return running;
  };
}
