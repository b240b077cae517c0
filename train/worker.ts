/**
 * A worker thread of training: one replica, answering to messages. Bundled as dist/train-worker.js; crew.ts starts it.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Handle } from "../engine/backend.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import type { TrainingBackend } from "../kernels/index.ts";
import type { Dataset } from "./dataset.ts";
import { Exchange, type SharedState } from "./exchange.ts";
import { Learner, type RunPlan } from "./learner.ts";
import type { Shard, Sums } from "./objective.ts";
import type { OptimizerConfig } from "./optimizer.ts";

export interface WorkerStart {
  readonly worker: number;
  readonly plan: RunPlan;
  readonly optimizer: OptimizerConfig;
  readonly state: SharedState;
  readonly set: Dataset;
  readonly variant: Variant | undefined;
}

/** Take part in a step (everybody must), or measure a shard without learning from it. */
export type WorkerTask =
  | { readonly kind: "step"; readonly shard: Shard; readonly step: number; readonly steps: number }
  | { readonly kind: "measure"; readonly shard: Shard };

export interface WorkerAnswer {
  readonly sums: Sums;
  /** Executed for this task. */
  readonly macs: number;
  /** Of the whole batch's gradient; 0 when measuring. */
  readonly norm: number;
  /** Time in forward and backward, without the exchange. */
  readonly computeMs: number;
}

const port = parentPort;
const { worker, plan, optimizer, state, set, variant } = workerData as WorkerStart;
const backend = wasmBackend(variant === undefined ? {} : { variant }) as unknown as TrainingBackend<Handle>;
const learner = new Learner(plan, backend, state.values, set);
const exchange = new Exchange(learner.layout, state, worker);

async function answer(task: WorkerTask): Promise<WorkerAnswer> {
  const macs = learner.macs;
  const start = performance.now();
  const sums = await learner.run(task.shard);
  const computeMs = performance.now() - start;
  let norm = 0;
  if (task.kind === "step") {
    exchange.announce(await learner.readGradients(exchange.gradient));
    norm = exchange.update(optimizer, task.step, task.steps);
    learner.refresh(state.values);
  }
  return { sums, macs: learner.macs - macs, norm, computeMs };
}

port?.on("message", (task: WorkerTask) => {
  answer(task).then(
    (result) => port.postMessage(result),
    (error) => {
      // An uncaught error ends the thread, which is how the crew learns of it.
      setImmediate(() => {
        throw error;
      });
    },
  );
});
port?.postMessage({ ready: backend.variant });
