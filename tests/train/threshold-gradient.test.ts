/** A whole training step with soft gates, a teacher and exits: the tape's gradients, θ's among them, against differences of the loss. */
import { expect, it } from "vitest";
import { buildBert } from "../../bert/build.ts";
import { configOfShape } from "../../bert/config.ts";
import type { ParameterSource } from "../../bert/parameters.ts";
import type { Handle } from "../../engine/backend.ts";
import { Random } from "../../engine/random.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import type { TrainingBackend } from "../../kernels/index.ts";
import { datasetOf } from "../../train/dataset.ts";
import { layoutOf, tapeSource } from "../../train/layout.ts";
import type { Shard } from "../../train/objective.ts";
import { Classify } from "../../train/recipes/classify.ts";
import { Tape } from "../../train/tape.ts";

const config = configOfShape(
  { layers: 2, d: 8, h: 2, f: 12 },
  { vocabulary: 15, maxPositions: 8, labels: ["a", "b", "c"], eps: 1e-12 },
);
const taper = { skim: { attentionThresholds: [0.2, 0.25] }, exit: { heads: true } };
const texts = datasetOf([
  { ids: [1, 5, 9, 2, 7], label: 2 },
  { ids: [3, 8], label: 0 },
  { ids: [4, 4, 11, 14], label: 1 },
]);
const set = { ...texts, taught: Float32Array.from([1, 0, -1, 0.5, 2, 0, 0, 0, 1]) };
const shard: Shard = {
  texts: [0, 1, 2],
  batchTexts: 3,
  batchAsked: 3,
  batchTokens: 11,
  seed: "gates",
  progress: 0.5,
  learns: true,
  dense: false,
};
const parts = (source: ParameterSource) => ({
  bert: buildBert(config, taper, source),
  thresholds: [0, 1].map((l) => source.vector([`attention_thresholds.${l}`], 1)),
});

async function lossAndGradient(values: Float64Array): Promise<{ loss: number; gradient: Float64Array }> {
  const reference = referenceBackend();
  const read = (handle: Handle, length = handle.length): Float32Array =>
    reference.readExact(handle as never).subarray(0, length) as unknown as Float32Array;
  const tape = new Tape({ ...reference, read } as unknown as TrainingBackend<Handle>);
  const layout = layoutOf(parts);
  const { source, parameters } = tapeSource(tape, layout, values);
  const { bert, thresholds } = parts(source);
  const objective = new Classify(tape, bert, set, 16, {
    threshold: { stage: "soft", temperature: 0.05, weight: 0.7, start: 0, target: 0, learningRate: 0 },
    thresholds,
    exit: { labels: 0.6, distillation: 0, decay: 0.7, intoEncoder: true },
    teacher: { from: [], weight: 0.4, temperature: 2 },
  });
  tape.begin();
  const { seeds } = await objective.forward(shard);
  let loss = 0;
  for (const { handle, gradient } of seeds) {
    const found = await tape.read(handle, gradient.length);
    for (const [i, weight] of gradient.entries()) loss += weight * found[i];
  }
  tape.backward(seeds);
  const gradient = new Float64Array(layout.length);
  for (const [i, parameter] of parameters.entries()) {
    const { offset, length } = layout.segments[i];
    const own = new Float64Array(length);
    await parameter.readGradient(own as unknown as Float32Array);
    gradient.set(own, offset);
  }
  return { loss, gradient };
}

it("is the slope of the loss, for every tensor", async () => {
  const layout = layoutOf(parts);
  const random = new Random("threshold gradients");
  const values = Float64Array.from({ length: layout.length }, () => 0.5 * random.normal());
  for (const { names, offset, length } of layout.segments) {
    if (names[0].startsWith("attention_thresholds")) values[offset] = 0.22;
    else if (/LayerNorm\.weight$/.test(names[0])) values.fill(1, offset, offset + length);
  }
  const { gradient } = await lossAndGradient(values);
  const step = 1e-5;
  let thresholds = 0;
  for (const { names, offset, length } of layout.segments) {
    const i = offset + random.integer(length);
    const at = async (by: number): Promise<number> => {
      const moved = values.slice();
      moved[i] += by;
      return (await lossAndGradient(moved)).loss;
    };
    const slope = ((await at(step)) - (await at(-step))) / (2 * step);
    expect(Math.abs(gradient[i] - slope), names[0]).toBeLessThan(2e-6 * (1 + Math.abs(slope)));
    if (names[0].startsWith("attention_thresholds") && Math.abs(slope) > 1e-3) thresholds++;
  }
  expect(thresholds).toBe(2);
});
