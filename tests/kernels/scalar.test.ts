// The scalar forms: inference by the scalar backend, the small training kernels over the same typed arrays.
import { expect, it } from "vitest";
import { view } from "../../engine/view.ts";
import { arrayBackend } from "../../kernels/backends/arrays.ts";
import { scalarBackend, scalarForms } from "../../kernels/backends/scalar.ts";
import { scalarTrainingForms } from "../../kernels/backends/scalar-training.ts";
import { inferenceContracts, type TrainingKernelName } from "../../kernels/index.ts";
import { packPanels } from "../../kernels/matmul/scalar.ts";
import { packInt8 } from "../../kernels/matmul-int8/scalar.ts";
import { leastMask } from "../../kernels/threshold-mask/contract.ts";
import { testBackend } from "./generic.ts";

testBackend("scalar", scalarBackend, { kernels: inferenceContracts.map(({ name }) => name) });

const trainingBackend = () =>
  arrayBackend({
    name: "scalar training forms",
    variant: "",
    floats: (length) => new Float32Array(length),
    pack: packPanels,
    packInt8,
    forms: { ...scalarForms, ...scalarTrainingForms },
  });
testBackend("scalar, training", trainingBackend, { kernels: Object.keys(scalarTrainingForms) as TrainingKernelName[] });

it("leaves no mask and no slope so small that what it multiplies would be denormal numbers", () => {
  const backend = trainingBackend();
  const floats = (...values: number[]) => backend.upload(view(Float32Array.from(values), [values.length]));
  const [n, texts, temperature] = [5, 1, 0.01];
  // σ is 1/2 and e⁻⁵⁰; the last is pruned a little by two layers.
  const importance = floats(0, 0.5, 0, 0.3, 0.35);
  const previous = floats(1, 1, 1, Number.NaN, 2 ** -20);
  const starts = backend.upload(view(Int32Array.from([0, n]), [2]));
  const args = { importance, threshold: floats(0.5), previous, starts, n, texts, temperature };
  const out = backend.allocate(n);
  backend.op("thresholdMask", { ...args, out });
  expect([...(out.data as Float32Array)]).toEqual([1, 0.5, 0, Number.NaN, 0]);
  const [dImportance, dThreshold, dPrevious] = [n, 1, n].map((length) => backend.allocate(length));
  backend.op("thresholdMaskGradient", { ...args, dImportance, dThreshold, dPrevious, dOut: floats(1, 1, 1, 1, 1) });
  const slopes = [...(dImportance.data as Float32Array)];
  expect(slopes).toEqual([0, 25, 0, Number.NaN, expect.any(Number)]);
  for (const slope of slopes) expect(Math.abs(slope) < leastMask && slope !== 0).toBe(false);
});
