/** Replicas that meet: shards add up to the batch, row-sparse gradients to dense ones. In one thread, worker after worker. */
import { describe, expect, it } from "vitest";
import { configOfShape } from "../../bert/config.ts";
import type { Handle } from "../../engine/backend.ts";
import { Random } from "../../engine/random.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { TrainingBackend } from "../../kernels/index.ts";
import { datasetOf, deal, planEpoch } from "../../train/dataset.ts";
import { Exchange, sharedState } from "../../train/exchange.ts";
import { initialise } from "../../train/layout.ts";
import { Learner, layoutOfRun, type RunPlan } from "../../train/learner.ts";
import type { Shard } from "../../train/objective.ts";
import { adamw, clipScale, learningRateAt } from "../../train/optimizer.ts";

const optimizer = { learningRate: 0.01, beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.01, warmup: 0, clip: 0.1 };
const config = configOfShape({ layers: 2, d: 16, h: 2, f: 32 }, { vocabulary: 60, maxPositions: 12 });
const random = new Random("exchange");
const set = datasetOf(
  Array.from({ length: 12 }, () => ({
    ids: Array.from({ length: 3 + random.integer(9) }, () => random.integer(60)),
    label: random.integer(2),
  })),
);

function planFor(recipe: "mlm" | "classify", workers: number): RunPlan {
  return {
    train: {
      recipe,
      mlm: { maskRatio: 0.3, negatives: 10 },
      skim: undefined,
      threshold: undefined,
      teacher: undefined,
      freeze: [],
      exit: { labels: 0.5, distillation: 0.5, decay: 1, intoEncoder: true },
      dropout: 0,
      tokensPerStep: 128,
      maxTokens: 12,
    },
    config: recipe === "mlm" ? { ...config, task: "embedding" } : config,
    taper: recipe === "mlm" ? {} : { exit: { heads: true } },
    vocabulary: { size: 60, mask: 4, special: [2, 3], firstWord: 5 },
    workers,
  };
}

const backend = (): TrainingBackend<Handle> => wasmBackend() as unknown as TrainingBackend<Handle>;

function shardOf(texts: readonly number[]): Shard {
  const batchTokens = set.ids.length;
  return { texts, batchTexts: 12, batchAsked: 12, batchTokens, seed: "one", progress: 0.5, learns: true, dense: false };
}

async function gradientOf(learner: Learner, texts: readonly number[]): Promise<Float32Array> {
  await learner.run(shardOf(texts));
  const gradient = new Float32Array(learner.layout.length);
  await learner.readGradients(gradient);
  return gradient;
}

describe("replicas", () => {
  const everything = Array.from({ length: 12 }, (_, i) => i);

  it("compute shards whose gradients add up to the batch's", async () => {
    const plan = planFor("classify", 1);
    const layout = layoutOfRun(plan);
    const values = new Float32Array(layout.length);
    initialise(layout, values, new Random(1), 0.2);
    const learner = new Learner(plan, backend(), values, set);
    const whole = await gradientOf(learner, everything);
    const parts = [];
    for (const texts of deal(set, everything, 2)) parts.push(await gradientOf(learner, texts));
    const largest = Math.max(...whole.map(Math.abs));
    expect(largest).toBeGreaterThan(0.01);
    for (let i = 0; i < whole.length; i++) {
      expect(Math.abs(parts[0][i] + parts[1][i] - whole[i])).toBeLessThan(1e-5 * largest);
    }
    // A second time: what the first left behind is cleared.
    expect(await gradientOf(learner, everything)).toEqual(whole);
  });

  for (const recipe of ["classify", "mlm"] as const) {
    it(`update as one dense AdamW over the summed gradient would, ${recipe}`, async () => {
      const plan = planFor(recipe, 1);
      const layout = layoutOfRun(plan);
      const state = sharedState(layout, 1);
      initialise(layout, state.values, new Random(1), 0.2);
      const values = state.values.slice();
      const moments = { first: new Float32Array(layout.length), second: new Float32Array(layout.length) };
      const learner = new Learner(plan, backend(), values, set);
      const exchange = new Exchange(layout, state, 0);
      for (let step = 0; step < 3; step++) {
        // Other texts in every step, so that a row touched in one is not touched in the next.
        const texts = everything.filter((text) => text % 3 === step);
        await learner.run(shardOf(texts));
        const dense = new Float32Array(layout.length);
        await learner.readGradients(dense);
        exchange.announce(await learner.readGradients(exchange.gradient));
        const norm = exchange.update(optimizer, step, 10);
        const expectedNorm = Math.sqrt(dense.reduce((sum, g) => sum + g * g, 0));
        expect(norm).toBeCloseTo(expectedNorm, 8);
        const rate = learningRateAt(optimizer, step, 10);
        const scale = clipScale(expectedNorm, optimizer.clip);
        adamw(values, moments, dense, [0, layout.length], { ...optimizer, rate, step, scale }, layout);
        expect(state.values).toEqual(values);
        learner.refresh(state.values);
      }
    });
  }
});

describe("a data set", () => {
  it("is dealt out whole, evenly, and in batches within the budget", () => {
    const all = Array.from({ length: 12 }, (_, i) => i);
    const batches = planEpoch(set, all, 30, new Random(1));
    expect(batches.flat().sort((a, b) => a - b)).toEqual(all);
    const tokens = (texts: number[]): number => texts.reduce((sum, t) => sum + set.starts[t + 1] - set.starts[t], 0);
    for (const batch of batches) expect(tokens(batch)).toBeLessThanOrEqual(30);
    const hands = deal(set, all, 3);
    expect(hands.flat().sort((a, b) => a - b)).toEqual(all);
    const loads = hands.map(tokens);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(12);
  });
});
