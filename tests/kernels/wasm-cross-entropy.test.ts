// Rows as long as a vocabulary, which the generic test's small sizes do not reach.
import { expect, test } from "vitest";
import type { Handle } from "../../engine/backend.ts";
import { view } from "../../engine/view.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { TrainingBackend } from "../../kernels/index.ts";

test.each([128, 1001, 30522])("cross-entropy over %i classes and its gradient equal float64", async (c) => {
  const n = 3;
  const logits = Float32Array.from({ length: n * c }, (_, i) => 6 * Math.sin(i * 12.9898));
  const labels = Int32Array.from([c - 1, -1, 7]);
  const run = async <H extends Handle>(backend: Pick<TrainingBackend<H>, "upload" | "allocate" | "op" | "read">) => {
    const inputs = { n, c, labels: backend.upload(view(labels, [n])), logits: backend.upload(view(logits, [n, c])) };
    const [loss, dLogits] = [backend.allocate(n), backend.allocate(n * c)];
    const dLoss = backend.upload(view(Float32Array.of(0.5, 1, -2), [n]));
    backend.op("crossEntropy", { ...inputs, loss });
    backend.op("crossEntropyGradient", { ...inputs, dLogits, dLoss });
    return { loss: await backend.read(loss), dLogits: await backend.read(dLogits) };
  };
  const found = await run(wasmBackend({ variant: "plain" }));
  const expected = await run(referenceBackend());
  expect(found.loss[1]).toBe(0);
  // A loss of about 16 in float32, from a sum of c terms in four lanes: c/4 roundings of at most half a unit.
  for (let i = 0; i < n; i++) expect(Math.abs(found.loss[i] - expected.loss[i])).toBeLessThan(16 * 2 ** -23 * 10);
  const worst = found.dLogits.reduce((most, value, i) => Math.max(most, Math.abs(value - expected.dLogits[i])), 0);
  expect(worst).toBeLessThan(1e-6);
  expect([...found.dLogits.subarray(c, 2 * c)].every((value) => value === 0)).toBe(true);
});
