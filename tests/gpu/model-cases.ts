/**
 * A whole forward on the GPU against the CPU's, with the CPU's decisions replayed: the bundled model dense, skimmed, exited and both,
 * and a random one with every part.
 */

import type { Dials } from "../../bert/dials.ts";
import { Model } from "../../bert/model.ts";
import { Random } from "../../engine/random.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { randomBert, randomIds } from "../support/random-bert.ts";
import { equal, ok } from "./checks.ts";
import { compareForwards } from "./compare-forwards.ts";
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
  exited: { skim: false, exit: { entropy: 0.2 } },
  both: { exit: { entropy: 0.2 } },
};

export const modelCases: [name: string, run: (setting: Setting) => Promise<void>][] = [
  [
    "the bundled model's logits are the CPU's: dense, skimmed, exited, both",
    async ({ open, load }) => {
      const [cpu, onGpu] = [await load(wasmBackend()), await load(await open())];
      const ids = texts.map((text) => cpu.encode(text).ids);
      for (const [name, dials] of Object.entries(dialsByName)) await compareForwards(cpu, onGpu, name, ids, dials);
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
      const traces = await compareForwards(cpu, onGpu, "every part", ids, dials);
      ok(
        traces.some(({ leftAt }) => leftAt.some((step) => step % 2 === 1)),
        "some row is pruned by importance",
      );
      await onGpu.dispose();
      await cpu.dispose();
    },
  ],
];
