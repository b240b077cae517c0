/** A worker thread of bench/threads.ts: a single-threaded model of its own, running forwards when it is told to. Bundled as dist/forward-worker.js. */
import { parentPort, workerData } from "node:worker_threads";
import type { BertConfig } from "../bert/config.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import { randomModel } from "./random-model.ts";

export interface ForwardWorkerStart {
  readonly config: BertConfig;
  readonly variant: Variant;
}

/** So many forwards of a text; the answer is the milliseconds of one. */
export interface ForwardOrder {
  readonly text: TokenIds;
  readonly times: number;
}

const { config, variant } = workerData as ForwardWorkerStart;
const model = randomModel(config, {}, wasmBackend({ variant }), 1);

parentPort?.on("message", async ({ text, times }: ForwardOrder) => {
  const start = performance.now();
  for (let i = 0; i < times; i++) await model.forwardEncodings([text], { skim: false, exit: false });
  parentPort?.postMessage((performance.now() - start) / times);
});
parentPort?.postMessage("ready");
