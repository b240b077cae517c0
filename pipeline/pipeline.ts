/**
 * `pipeline(task, source)`: a model as one function, in the call shapes that users of transformers.js know. It adds nothing to the
 * model but shapes; dials, signals and everything else are the model's. On a web page the model lives in a worker of its own, so that
 * the page stays responsive. What each place needs is loaded there only.
 * Source: https://huggingface.co/docs/transformers.js/api/pipelines
 */
import type { RunInfo } from "../bert/choose-backend.ts";
import type { LoadOptions } from "../bert/load.ts";
import { loadOptionNames } from "../bert/load-options.ts";
import type { Model } from "../bert/model.ts";
import { nearestName, refuseUnknown, show, TaperError } from "../engine/errors.ts";
import type { ModelSource } from "../engine/model-files.ts";
import type { Calls, PipelineTask } from "./tasks.ts";

export type { PipelineTask } from "./tasks.ts";

export interface PipelineOptions extends LoadOptions {
  /**
   * Whether the model lives in a worker of its own. Default: on a web page's main thread yes, elsewhere (Node, workers, a backend object
   * of the caller's) no. Answers, errors and signals are the same; files given as bytes are copied.
   */
  readonly worker?: boolean | undefined;
}

interface Parts<T extends PipelineTask> {
  /** What it was made for. */
  readonly task: T;
  /** What computes, on how many threads, and why. */
  readonly info: RunInfo;
  /** Gives the memory back; later calls throw ERR_DISPOSED. */
  dispose(): Promise<void>;
}

/** A model as one function in the shapes of its task; made by `pipeline`. */
export type Pipeline<T extends PipelineTask> = Calls[T] &
  Parts<T> & {
    /**
     * For what a pipeline does not say: traces, streams, explanations. Throws ERR_OPTION if the model is in a worker: `worker: false`
     * keeps it here.
     */
    readonly model: Model;
    /** The same as `dispose`, for `await using`. */
    [Symbol.asyncDispose](): Promise<void>;
  };

const tasks: Readonly<Record<PipelineTask, true>> = {
  "text-classification": true,
  "sentiment-analysis": true,
  "token-classification": true,
  ner: true,
  "question-answering": true,
  "feature-extraction": true,
};

/**
 * Loads a model for a task. `source` is a directory, a URL, or its files; `options` are those of `loadModel`, and `worker`.
 * Throws as `loadModel`, ERR_OPTION for another task than the model is for, and ERR_BACKEND if the worker cannot start.
 */
export async function pipeline<T extends PipelineTask>(
  task: T,
  source: ModelSource,
  options: PipelineOptions = {},
): Promise<Pipeline<T>> {
  if (!Object.hasOwn(tasks, task)) {
    const known = Object.keys(tasks);
    const near = typeof task === "string" ? nearestName(task, known) : undefined;
    const hint = near === undefined ? `known tasks: ${known.join(", ")}.` : `did you mean "${near}"?`;
    throw new TaperError("ERR_OPTION", `pipeline(): there is no task ${show(task)}; ${hint}`);
  }
  checkNames(options);
  const { worker, ...load } = options;
  if (inWorker(worker, load)) {
    const { startPipeline } = await import("./off-thread.ts");
    const { call, info, dispose } = await startPipeline(task, source, load);
    return withParts(call, { task, info, dispose }, () => {
      throw new TaperError("ERR_OPTION", "pipeline: its model is in a worker; with worker: false it is here.");
    });
  }
  const { openTask } = await import("./tasks.ts");
  const { model, call } = await openTask(task, source, load);
  return withParts(call, { task, info: model.info, dispose: () => model.dispose() }, () => model);
}

/** What transformers.js calls otherwise, or has and this does not need. */
const namesElsewhere: Readonly<Record<string, string>> = {
  device: 'say backend, or simd: "wide"; a GPU is a backend object of taperbert/gpu',
  quantized: 'say dtype: "int8"',
  progress_callback: "leave it out: files are read from where they are, nothing is downloaded",
  cache_dir: "leave it out: files are read from where they are",
  revision: "leave it out, or name it in the source's address",
};

/** Throws ERR_OPTION for a name that neither `loadModel` nor a pipeline has. */
function checkNames(options: object): void {
  const elsewhere = typeof options === "object" && options !== null ? Object.keys(options) : [];
  const found = elsewhere.find((name) => Object.hasOwn(namesElsewhere, name));
  if (found !== undefined) {
    throw new TaperError("ERR_OPTION", `pipeline() has no option "${found}"; ${namesElsewhere[found]}.`);
  }
  refuseUnknown(options, [...loadOptionNames, "worker"], "pipeline()");
}

function withParts<T extends PipelineTask>(call: Calls[T], parts: Parts<T>, model: () => Model): Pipeline<T> {
  const all = Object.assign(call, parts, { [Symbol.asyncDispose]: parts.dispose });
  return Object.defineProperty(all, "model", { get: model, enumerable: true }) as unknown as Pipeline<T>;
}

/** Throws ERR_OPTION for a worker that there cannot be. */
function inWorker(wanted: unknown, { backend }: LoadOptions): boolean {
  const isOwnBackend = typeof backend === "object";
  const hasWorkers = typeof Worker === "function";
  const isNode = typeof globalThis.process?.versions?.node === "string";
  if (wanted === undefined) return hasWorkers && !isOwnBackend && !isNode && typeof document === "object";
  if (typeof wanted !== "boolean") {
    throw new TaperError("ERR_OPTION", `pipeline(): worker must be true or false; found ${show(wanted)}.`);
  }
  if (!wanted) return false;
  const reason = isOwnBackend
    ? "a backend object cannot move there; give its name"
    : !hasWorkers || isNode
      ? "there are no web workers here; leave it out"
      : undefined;
  if (reason === undefined) return true;
  throw new TaperError("ERR_OPTION", `pipeline(): worker: true is not possible: ${reason}.`);
}
