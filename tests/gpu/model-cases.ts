/**
 * A whole forward on the GPU against the CPU's, with the CPU's decisions replayed: the bundled model dense, skimmed, exited and both;
 * and that a thousand forwards, and models loaded and disposed, leave the device's memory as it was. Flips are counted, and may occur
 * only where the margin is below 1e-4.
 */

import { configOfShape } from "../../bert/config.ts";
import type { Dials } from "../../bert/dials.ts";
import { loadModel } from "../../bert/load.ts";
import { Model } from "../../bert/model.ts";
import { Random } from "../../engine/random.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { randomBert, randomIds } from "../support/random-bert.ts";
import { equal, ok, same, upload } from "./checks.ts";
import type { Setting } from "./kernel-cases.ts";

const texts = [
  "a gorgeous , witty , seductive movie .",
  "the plot is a mess and the jokes fall flat",
  "not bad",
  "it 's slow -- very , very slow , and yet i would not have missed the last ten minutes of it for anything in the world",
  "unflinchingly bleak and desperate",
];
const dialsByName: Record<string, Dials> = {
  dense: { skim: false, exit: false },
  skimmed: { skim: {}, exit: false },
  exited: { skim: false, exit: {} },
  both: {},
};
/** As few launches as a forward can have that skims. */
const oneLayer = configOfShape(
  { layers: 1, d: 8, h: 2, f: 8 },
  { vocabulary: 50, maxPositions: 20, labels: ["no", "yes"] },
);
const TOLERANCE = 2e-5;
const FLIP_MARGIN = 1e-4;

export const modelCases: [name: string, run: (setting: Setting) => Promise<void>][] = [
  [
    "the bundled model's logits are the CPU's: dense, skimmed, exited, both",
    async ({ open }) => {
      const url = new URL("/models/sst2-12x128", location.href).href;
      const cpu = await loadModel(url, { backend: wasmBackend() });
      const onGpu = await loadModel(url, { backend: await open() });
      for (const [name, dials] of Object.entries(dialsByName)) {
        const encodings = texts.map((text) => cpu.encode(text));
        const expected = await cpu.forwardEncodings(encodings, dials);
        const found = await onGpu.forwardEncodings(encodings, { ...dials, replay: expected.trace });
        const apart = largestDifference(found.logits, expected.logits);
        const flips = found.flips ?? { count: Number.NaN, largestMargin: Number.NaN };
        console.log(`${name}: logits ${apart} apart, ${flips.count} flips`);
        ok(apart <= TOLERANCE, `${name}: logits are ${apart} apart`);
        ok(flips.largestMargin < FLIP_MARGIN, `${name}: ${flips.count} flips, margin ${flips.largestMargin}`);
        const rows = found.trace.flatMap(({ fed }) => fed).reduce((sum, n) => sum + n, 0);
        equal(
          rows,
          expected.trace.flatMap(({ fed }) => fed).reduce((sum, n) => sum + n, 0),
          `${name}: rows fed`,
        );
      }
      const alone = await onGpu.classify(texts[0]);
      equal(alone.label, "positive", "label of the first text, decided on the GPU");
      await onGpu.dispose();
      await cpu.dispose();
    },
  ],
  [
    "a model with every part, its importance pruned too: states and logits are the CPU's",
    async ({ open }) => {
      const cpuBackend = wasmBackend();
      const gpuBackend = await open();
      const cpu = new Model(randomBert(cpuBackend, 3), cpuBackend);
      const onGpu = new Model(randomBert(gpuBackend, 3), gpuBackend);
      const ids = randomIds(new Random(4), 9);
      const dials: Dials = { skim: { keepThreshold: 0, attentionThreshold: 2 }, exit: { entropy: 0.8 } };
      const expected = await cpu.forward(ids, { ...dials, hidden: true });
      const found = await onGpu.forward(ids, { ...dials, hidden: true, replay: expected.trace });
      ok(
        expected.trace.some(({ leftAt }) => leftAt.some((step) => step % 2 === 1)),
        "some row is pruned by importance",
      );
      ok(largestDifference(found.logits, expected.logits) <= TOLERANCE, "logits");
      ok(largestDifference(found.hidden ?? [], expected.hidden ?? []) <= TOLERANCE, "states");
      ok((found.flips?.largestMargin ?? Number.NaN) < FLIP_MARGIN, `flips at ${found.flips?.largestMargin}`);
      await onGpu.dispose();
      await cpu.dispose();
    },
  ],
  [
    "memory: a thousand forwards of random lengths leave it where it was",
    async ({ open, watch }) => {
      const backend = await open();
      const model = new Model(randomBert(backend, 5, oneLayer, { skim: { predictorWidth: 4 } }), backend);
      const probe = upload(backend, [1], [1]);
      const random = new Random(6);
      const skimmed: Dials = { skim: { keepThreshold: 0 }, exit: false };
      const dense: Dials = { skim: false, exit: false };
      // Every kernel is compiled before anything is counted: each keeps a buffer of its own.
      for (let i = 0; i < 10; i++) await model.forward(randomIds(random, 3, oneLayer), skimmed);
      // Longer than any other and kept whole, so that no buffer has anything left of longer ones.
      const longest = async (): Promise<number> => {
        const keepAll: Dials = { skim: { keepThreshold: Number.MIN_SAFE_INTEGER }, exit: false };
        await model.forward([new Array(10).fill(7), new Array(10).fill(8)], keepAll);
        await backend.read(probe);
        return watch.memory();
      };
      const after = [await longest()];
      for (let i = 0; i < 1000; i++) {
        await model.forward(randomIds(random, 1 + (i % 2), oneLayer, 9), i % 4 === 0 ? skimmed : dense);
        if (i % 250 === 249) after.push(await longest());
      }
      const compiled = watch.compiled();
      await model.forward(randomIds(random, 2, oneLayer, 9), skimmed);
      equal(watch.compiled(), compiled, "compiled programs");
      same(after, new Array(5).fill(after[0]), "arrays at first and after each 250 forwards");
      await model.dispose();
    },
  ],
  [
    "memory: models loaded and disposed, more of them than a page has contexts, leave it where it was",
    async ({ mode, open, watch }) => {
      const first = await open();
      const kept = upload(first, [1, 2], [1, 2]);
      await first.read(kept);
      const before = watch.memory();
      // A context compiles its kernels anew, a device does not.
      const cycles = mode === "webgpu" ? 50 : 17;
      for (let i = 0; i < cycles; i++) {
        const backend = await open();
        const model = new Model(randomBert(backend, i), backend);
        if (i % 8 === 0) await model.forward([[2, 5, 3]]);
        await model.dispose();
      }
      same(await first.read(kept), [1, 2], "the first backend's values");
      equal(watch.memory(), before, "arrays alive");
      first.dispose();
    },
  ],
];

function largestDifference(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  equal(found.length, expected.length, "texts answered");
  let most = 0;
  for (const [t, values] of expected.entries()) {
    equal(found[t].length, values.length, `values of text ${t}`);
    for (const [i, value] of values.entries()) {
      const apart = Math.abs(found[t][i] - value);
      if (!(apart <= most)) most = apart;
    }
  }
  return most;
}
