/** The gradients that come off the tape, against differences of the loss, for the whole masked model. */
import { describe, expect, it } from "vitest";
import { packBatch } from "../../bert/batch.ts";
import type { Bert } from "../../bert/bert.ts";
import { buildBert } from "../../bert/build.ts";
import { type BertConfig, configOfShape } from "../../bert/config.ts";
import type { ParameterSource } from "../../bert/parameters.ts";
import type { TaperConfig } from "../../bert/taper-config.ts";
import type { Handle } from "../../engine/backend.ts";
import { Random } from "../../engine/random.ts";
import { answer } from "../../exit/head.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { TrainingBackend } from "../../kernels/index.ts";
import { encode, planEncode } from "../../train/encode.ts";
import { type Layout, layoutOf, tapeSource } from "../../train/layout.ts";
import { type Seed, Tape } from "../../train/tape.ts";

const config: BertConfig = configOfShape(
  { layers: 2, d: 12, h: 2, f: 20 },
  { vocabulary: 17, maxPositions: 9, labels: ["a", "b", "c"], eps: 1e-12 },
);
const taper: TaperConfig = { exit: { heads: true } };
const batch = packBatch([[1, 5, 9, 2, 7], [3], [4, 4, 11, 16]], [[0, 0, 0, 1, 1], [0], [0, 0, 1, 1]], config);
const labels = [2, 0, 1];

/** The reference backend, reading without rounding to float32. */
function exactReference(): TrainingBackend<Handle> {
  const reference = referenceBackend();
  const read = (handle: Handle, length = handle.length): Float32Array =>
    reference.readExact(handle as never).subarray(0, length) as unknown as Float32Array;
  return { ...reference, read } as unknown as TrainingBackend<Handle>;
}

const build = (source: ParameterSource): Bert => buildBert(config, taper, source);

interface Case {
  /** A mask per layer: what is kept before layer l. */
  readonly masks?: readonly (readonly number[])[];
  readonly dropout?: number;
}

/** Σ over heads of weight · cross-entropy + distillation, and, if asked, every parameter's gradient. */
async function lossAndGradient(
  backend: TrainingBackend<Handle>,
  layout: Layout,
  values: Float32Array | Float64Array,
  { masks, dropout = 0 }: Case,
): Promise<{ loss: number; gradient: Float32Array }> {
  const tape = new Tape(backend);
  const { source, parameters } = tapeSource(tape, layout, values);
  const bert = build(source);
  const n = batch.ids.length;
  const texts = labels.length;
  const { d } = config;
  const c = config.labels.length;
  const plan = planEncode(tape, bert, n + 3);
  const maskNames = (masks ?? []).map(() => tape.allocate(n));
  const logits = [tape.allocate(texts * c), tape.allocate(texts * c)];
  const losses = Array.from({ length: 3 }, () => tape.allocate(texts));
  const teacher = tape.allocate(texts * c);
  const labelNames = tape.allocate(texts, "i32");
  const cls = batch.starts.subarray(0, texts);
  const head = { ...plan.scratch.head };
  tape.begin({ probability: dropout, seed: 77 });
  for (const [l, mask] of (masks ?? []).entries()) tape.write(maskNames[l], mask);
  const state = encode(tape, bert, plan, batch, {
    before: (l) => maskNames[l],
    afterLayer: (l, hidden) => {
      if (l === 0) answer(tape, bert.exitHeads![0], hidden, cls, n, d, { ...head, logits: logits[0] });
    },
  });
  if (bert.taskHead.reads !== "cls") throw new Error("a classifier was built");
  answer(tape, bert.taskHead.head, state, cls, n, d, { ...head, logits: logits[1] });
  tape.write(labelNames, labels);
  tape.op("crossEntropy", { loss: losses[0], logits: logits[0], labels: labelNames, n: texts, c });
  tape.op("crossEntropy", { loss: losses[1], logits: logits[1], labels: labelNames, n: texts, c });
  tape.write(teacher, [0.2, 0.5, 0.3, 0.9, 0.05, 0.05, 0.1, 0.1, 0.8]);
  tape.op("distillation", { loss: losses[2], logits: logits[0], targets: teacher, temperature: 1, n: texts, c });
  const weights = [0.5, 1, 0.25];
  let loss = 0;
  for (const [i, handle] of losses.entries()) {
    loss += weights[i] * (await tape.read(handle)).reduce((a, b) => a + b, 0);
  }
  const seeds: Seed[] = losses.map((handle, i) => ({ handle, gradient: new Float64Array(texts).fill(weights[i]) }));
  tape.backward(seeds);
  const gradient = new Float32Array(layout.length);
  for (const [i, parameter] of parameters.entries()) {
    const { offset, length } = layout.segments[i];
    await parameter.readGradient(gradient.subarray(offset, offset + length));
  }
  return { loss, gradient };
}

function someValues(layout: Layout): Float64Array {
  const random = new Random("values");
  const values = new Float64Array(layout.length);
  for (const { kind, names, offset, length } of layout.segments) {
    const centre = kind === "vector" && names[0].endsWith("weight") ? 1 : 0;
    for (let i = 0; i < length; i++) values[offset + i] = Math.fround(centre + 0.3 * random.normal());
  }
  return values;
}

const layout = layoutOf(build);
const values = someValues(layout);

const cases: Record<string, Case> = {
  dense: {},
  "with dropout": { dropout: 0.3 },
  "with fixed masks": {
    masks: [
      [1, 1, 0, 1, 1, 1, 1, 0, 1, 1],
      [1, 0, 0, 1, 1, 1, 1, 0, 0, 1],
    ],
  },
  "with soft masks": {
    masks: [
      [1, 0.7, 0.2, 0.9, 1, 1, 1, 0.4, 1, 0.6],
      [1, 0.7, 0.1, 0.5, 1, 1, 0.8, 0.3, 1, 0.5],
    ],
  },
};

describe("the tape's gradients", () => {
  for (const [name, which] of Object.entries(cases)) {
    it(`equal differences of the loss in float64, ${name}`, async () => {
      const { gradient } = await lossAndGradient(exactReference(), layout, values, which);
      const random = new Random(name);
      const step = 1e-5;
      for (const { offset, length, names } of layout.segments) {
        for (const i of [0, random.integer(length), random.integer(length), length - 1]) {
          const at = async (delta: number): Promise<number> => {
            const moved = values.slice();
            moved[offset + i] += delta;
            return (await lossAndGradient(exactReference(), layout, moved, which)).loss;
          };
          const difference = ((await at(step)) - (await at(-step))) / (2 * step);
          const found = gradient[offset + i];
          const error = Math.abs(found - difference) / (1e-3 + Math.abs(difference));
          expect(error, `${names[0]}[${i}]: ${found} by the tape, ${difference} by differences`).toBeLessThan(1e-5);
        }
      }
    });

    it(`of float32 on wasm equal the reference's, ${name}`, async () => {
      const expected = await lossAndGradient(exactReference(), layout, values, which);
      const backend = wasmBackend() as unknown as TrainingBackend<Handle>;
      const found = await lossAndGradient(backend, layout, values, which);
      const largest = Math.max(...expected.gradient.map(Math.abs));
      expect(found.loss).toBeCloseTo(expected.loss, 5);
      for (let i = 0; i < layout.length; i++) {
        expect(Math.abs(found.gradient[i] - expected.gradient[i])).toBeLessThan(2e-5 * largest);
      }
    });
  }

  it("reach every parameter that took part, and no row that did not", async () => {
    const { gradient } = await lossAndGradient(exactReference(), layout, values, {});
    for (const { kind, names, rows, columns, offset } of layout.segments) {
      for (let row = 0; row < rows; row++) {
        const part = gradient.subarray(offset + row * columns, offset + (row + 1) * columns);
        const used =
          kind !== "table" ||
          (names[0].includes("word") && batch.ids.includes(row)) ||
          (names[0].includes("position") && row < 5) ||
          names[0].includes("token_type");
        if (kind === "table")
          expect(
            part.some((g) => g !== 0),
            `${names[0]}[${row}]`,
          ).toBe(used);
      }
      const all = gradient.subarray(offset, offset + rows * columns);
      expect(
        all.some((g) => g !== 0),
        names[0],
      ).toBe(true);
    }
  });
});
