/** How much is still computed after an abort: layers counted at the backend, milliseconds from when it was due to the rejection. */

import type { BertConfig } from "../../bert/config.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { observed } from "../../kernels/observed.ts";
import { randomModel } from "../support/random-bert.ts";

export interface Aborted {
  /** Layers that began after the abort was due, and after it had happened. */
  readonly afterDue: number;
  readonly afterAbort: number;
  /** Layers that ran in all. */
  readonly layers: number;
  /** From when the abort was due to the rejection. */
  readonly ms: number;
}

export interface AbortRuns {
  /** Of a whole forward, divided by its layers: the median. */
  readonly layerMs: number;
  readonly runs: readonly Aborted[];
}

/** `count` forwards of these ids, aborted at moments spread over a forward's time. */
export async function abortRuns(
  config: BertConfig,
  ids: readonly (readonly number[])[],
  count: number,
): Promise<AbortRuns> {
  const begun: number[] = [];
  const backend = observed(wasmBackend() as InferenceBackend, (name) => {
    if (name === "attention") begun.push(performance.now());
  });
  const model = randomModel(backend, 1, config);
  const forward = (signal: AbortSignal): Promise<unknown> => model.forward(ids, { skim: false, exit: false, signal });
  const whole: number[] = [];
  for (let i = 0; i < 4; i++) {
    const began = performance.now();
    await forward(new AbortController().signal);
    whole.push(performance.now() - began);
  }
  const forwardMs = whole.slice(1).sort((a, b) => a - b)[1];
  const runs: Aborted[] = [];
  for (let i = 0; i < count; i++) {
    const controller = new AbortController();
    begun.length = 0;
    let abortedAt = 0;
    const due = performance.now() + (forwardMs * (i + 0.5)) / (1.2 * count);
    const timer = setTimeout(() => {
      abortedAt = performance.now();
      controller.abort();
    }, due - performance.now());
    const finished = await forward(controller.signal).then(
      () => true,
      (error: Error) => {
        if (error.name !== "AbortError") throw error;
        return false;
      },
    );
    const ms = performance.now() - due;
    clearTimeout(timer);
    if (finished) continue;
    const after = (moment: number): number => begun.filter((at) => at > moment).length;
    runs.push({ afterDue: after(due), afterAbort: after(abortedAt), layers: begun.length, ms });
  }
  await model.dispose();
  return { layerMs: forwardMs / config.layers, runs };
}
