/**
 * That nothing is lost over time: a thousand forwards of random lengths, and models loaded and disposed, leave the device's arrays where
 * they were, and JavaScript's heap.
 */
import { configOfShape } from "../../bert/config.ts";
import type { Dials } from "../../bert/dials.ts";
import { Model } from "../../bert/model.ts";
import { Random } from "../../engine/random.ts";
import { randomBert, randomIds } from "../support/random-bert.ts";
import { equal, ok, same, upload } from "./checks.ts";
import type { Setting } from "./kernel-cases.ts";
import { note } from "./runner.ts";

/** As few launches as a forward can have that skims. */
const oneLayer = configOfShape(
  { layers: 1, d: 8, h: 2, f: 8 },
  { vocabulary: 50, maxPositions: 20, labels: ["no", "yes"] },
);
/** More than the contexts that a page may have. */
const CYCLES = 50;
/** A device that somebody still holds costs 200 to 240 kB of heap, kernels and tables; collections differ by up to 16 kB a cycle. */
const HEAP_PER_CYCLE = 60e3;

export const memoryCases: [name: string, run: (setting: Setting) => Promise<void>][] = [
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
      note(`arrays at first and after each 250 forwards: ${after.join(", ")}`);
      same(after, new Array(5).fill(after[0]), "arrays at first and after each 250 forwards");
      await model.dispose();
    },
  ],
  [
    `memory: ${CYCLES} models loaded and disposed leave arrays and the heap where they were, and the first backend alive`,
    async ({ open, watch, heap }) => {
      const first = await open();
      const kept = upload(first, [1, 2], [1, 2]);
      await first.read(kept);
      const before = watch.memory();
      const heaps: number[] = [];
      for (let i = 0; i < CYCLES; i++) {
        const backend = await open();
        const model = new Model(randomBert(backend, i, oneLayer), backend);
        if (i % 10 === 0) await model.forward([[2, 5, 3]]);
        await model.dispose();
        if (i % 10 === 9) heaps.push(await heap());
      }
      same(await first.read(kept), [1, 2], "the first backend's values");
      equal(watch.memory(), before, "arrays alive");
      // What is warmed up once is warm after the first ten.
      const [early, late] = [heaps[0], heaps[heaps.length - 1]];
      const perCycle = (late - early) / (CYCLES - 10);
      note(`heap after 10, 20, … cycles: ${heaps.map((bytes) => (bytes / 1e6).toFixed(2)).join(", ")} MB`);
      ok(perCycle < HEAP_PER_CYCLE, `the heap grows by ${perCycle} bytes a cycle`);
      first.dispose();
    },
  ],
];
