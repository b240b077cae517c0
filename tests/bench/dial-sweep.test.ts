/** What is read off stored logits is what a forward with the same dials answers and executes. */
import { afterAll, describe, expect, it } from "vitest";
import {
  exitsOf,
  pointOfLayer,
  pointsOf,
  randomDropping,
  skimsOf,
  storeAnswers,
  usualGrid,
} from "../../bench/dial-sweep.ts";
import { Random } from "../../engine/random.ts";
import { argmax } from "../../exit/criteria.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { randomIds, randomModel, smallConfig } from "../support/random-bert.ts";

const model = randomModel(scalarBackend(), 11);
const texts = randomIds(new Random("sweep"), 24).map((ids) => ({ ids, segments: ids.map(() => 0) }));
afterAll(() => model.dispose());

const skims = [false, { keepThreshold: 0.1, attentionThreshold: 1 }] as const;
const exits = [false, { entropy: 0.5 }, { entropy: 0.9 }, { patience: 2 }, { entropy: 0.5, patience: 2 }] as const;

describe.each(skims)("skim %o", (skim) => {
  it.each(exits)("exit %o", async (exit) => {
    const stored = await storeAnswers(model, texts, skim, 7);
    const [point] = pointsOf(stored, [exit], model);
    const { logits, trace } = await model.forward(
      texts.map(({ ids }) => ids),
      { skim, exit },
    );
    expect(point.answers).toEqual(logits.map(argmax));
    expect(point.macs).toEqual(trace.map(({ macs }) => macs));
    if (exit !== false && "entropy" in exit && exit.entropy === 0.5)
      expect(new Set(trace.map(({ exitLayer }) => exitLayer)).size).toBeGreaterThan(1);
  });
});

it("asks one head where the layer is given, none before it", async () => {
  const stored = await storeAnswers(model, texts, false);
  const [dense] = pointsOf(stored, [false], model);
  const first = pointOfLayer(stored, 1, model);
  const { trace } = await model.forward(
    texts.map(({ ids }) => ids),
    { skim: false, exit: { patience: 1 } },
  );
  expect(first.macs).toEqual(trace.map(({ macs }) => macs));
  expect(pointOfLayer(stored, smallConfig.layers, model)).toMatchObject({ answers: dense.answers, macs: dense.macs });
});

it("drops as many random tokens, never [CLS]", async () => {
  const skim = { keepThreshold: 0.1, attentionThreshold: 1 };
  const stored = await storeAnswers(model, texts, skim);
  const point = await randomDropping(model, texts, stored, 1);
  const [own] = pointsOf(stored, [false], model);
  for (const [t, macs] of point.macs.entries()) expect(macs).toBeLessThanOrEqual(own.macs[t]);
  expect(await randomDropping(model, texts, stored, 1)).toEqual(point);
});

it("sweeps what the model has", () => {
  const grid = { ...usualGrid, keepThresholds: [0, 1], attentionThresholds: [1] };
  expect(skimsOf({ predictors: false, attentionThresholds: false, exitHeads: true }, grid)).toEqual([false]);
  expect(skimsOf({ predictors: true, attentionThresholds: false, exitHeads: true }, grid)).toEqual([
    false,
    { keepThreshold: 0 },
    { keepThreshold: 1 },
  ]);
  expect(skimsOf({ predictors: true, attentionThresholds: true, exitHeads: true }, grid)).toHaveLength(5);
});

it("sweeps exits by one criterion and by both", () => {
  const grid = { ...usualGrid, entropies: [0.5, 0.9], patiences: [2, 3] };
  const abilities = { predictors: false, attentionThresholds: false };
  expect(exitsOf({ ...abilities, exitHeads: false }, grid)).toEqual([false]);
  const exits = exitsOf({ ...abilities, exitHeads: true }, grid);
  expect(exits).toHaveLength(1 + 2 + 2 + 4);
  expect(exits.slice(-1)).toEqual([{ entropy: 0.9, patience: 3 }]);
});
