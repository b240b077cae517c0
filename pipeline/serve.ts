/**
 * The worker's end of a pipeline: loads the model that it is told to, answers calls, aborts them, and gives the memory back. It decides
 * nothing that a pipeline on the page's own thread would not. One model each.
 */
import type { LoadOptions } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import type { ModelSource } from "../engine/model-files.ts";
import { packFeatures } from "./feature-extraction.ts";
import { type Answer, inputsOf, packError, type Request } from "./messages.ts";
import { openTask, type PipelineTask } from "./tasks.ts";

/** What a worker's global scope and a port have in common. */
export interface Port {
  postMessage(message: Answer, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}

interface Open {
  readonly model: Model;
  run(args: readonly unknown[], signal: AbortSignal | undefined): Promise<unknown>;
}

export function serve(port: Port): void {
  let open: Promise<Open> | undefined;
  const aborts = new Map<number, AbortController>();

  const opened = async (): Promise<Open> => {
    if (open !== undefined) return open;
    throw new TaperError("ERR_DISPOSED", "this pipeline's worker has no model; make a new pipeline.");
  };
  const call = async ({ id, args, abortable }: Request & { kind: "call" }): Promise<unknown> => {
    const controller = abortable ? new AbortController() : undefined;
    if (controller !== undefined) aborts.set(id, controller);
    try {
      return await (await opened()).run(args, controller?.signal);
    } finally {
      aborts.delete(id);
    }
  };
  const handle = async (request: Request): Promise<unknown> => {
    switch (request.kind) {
      case "load":
        open = openHere(request.task, request.source as ModelSource, request.options);
        return (await open).model.info;
      case "call":
        return call(request);
      case "dispose":
        await (await opened()).model.dispose();
        return undefined;
      case "abort":
        aborts.get(request.id)?.abort();
        return undefined;
    }
  };

  port.onmessage = async ({ data: request }) => {
    const { id } = request;
    try {
      const value = await handle(request);
      if (request.kind !== "abort") port.postMessage({ id, value }, transferable(value));
    } catch (error) {
      port.postMessage({ id, error: packError(error) }, []);
    }
  };
}

async function openHere(task: PipelineTask, source: ModelSource, options: LoadOptions): Promise<Open> {
  const { model, call } = await openTask(task, source, options);
  const inputs = inputsOf(task);
  return {
    model,
    async run(args, signal) {
      const texts = args.slice(0, inputs);
      const options = signal === undefined ? args[inputs] : { ...(args[inputs] as object), signal };
      const value = await (call as (...args: unknown[]) => Promise<unknown>)(...texts, options);
      return task === "feature-extraction" ? packFeatures(value) : value;
    },
  };
}

/** Vectors move; everything else is small. */
function transferable(value: unknown): Transferable[] {
  const data = (value as { data?: unknown } | undefined)?.data;
  return data instanceof Float32Array ? [data.buffer as ArrayBuffer] : [];
}
