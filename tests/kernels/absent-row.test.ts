/** The gradient to the mask of a row that is not there: bounded, whatever it would have scored, in every form. */
import { describe, expect, it } from "vitest";
import type { Backend, Handle } from "../../engine/backend.ts";
import { view } from "../../engine/view.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { TrainingOps } from "../../kernels/index.ts";

const forms: Record<string, () => Backend<TrainingOps>> = {
  reference: () => referenceBackend() as unknown as Backend<TrainingOps>,
  wasm: () => wasmBackend() as unknown as Backend<TrainingOps>,
};

describe("attentionGradient at a masked row", () => {
  for (const [name, make] of Object.entries(forms)) {
    for (const score of [0, 2, 30, 500]) {
      it(`is the effect of adding it, ${name}, score ${score}`, async () => {
        const backend = make();
        const up = (values: number[]): Handle => backend.upload(view(new Float32Array(values), [values.length]));
        // One head of width 1; row 0 attends, row 1 is masked: q = [1, 0], k = [0, score], v = [1, 4].
        const qkv = up([1, 0, 1, 0, score, 4]);
        const sizes = { n: 2, d: 1, h: 1, texts: 1, pairs: 4 };
        const starts = backend.upload(view(Int32Array.of(0, 2), [2]));
        const mask = up([1, 0]);
        const dMask = backend.allocate(2);
        const dOut = up([0.5, 0]);
        backend.op("attentionGradient", { dQkv: backend.allocate(6), dMask, qkv, starts, mask, dOut, ...sizes });
        // Adding the row moves the output from 1 to (1 + 4e) / (1 + e), e = exp(score).
        const effect = 0.5 * ((4 - 1) / (1 + Math.exp(-score)));
        expect((await backend.read(dMask))[1]).toBeCloseTo(effect, 5);
      });
    }
  }
});
