/** What recipes decide outside the tape: which tokens are hidden, who the candidates are, how weights move. */
import { describe, expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { layerShares, logisticNoise, skimWeightAt } from "../../train/recipes/masks.ts";
import { candidatesFor, hideTokens, type MaskingVocabulary } from "../../train/recipes/mlm.ts";

const vocabulary: MaskingVocabulary = { size: 1000, mask: 4, special: [1, 2], firstWord: 10 };

describe("hiding tokens", () => {
  const ids = Int32Array.from({ length: 20_000 }, (_, i) => (i % 50 === 0 ? 1 : i % 50 === 49 ? 2 : 10 + (i % 900)));
  const { rows, targets, ids: changed } = hideTokens({ ids }, 0.3, vocabulary, new Random(1));

  it("hides the asked share, and never a special token", () => {
    expect(rows.length / ids.length).toBeGreaterThan(0.27);
    expect(rows.length / ids.length).toBeLessThan(0.31);
    for (const row of rows) expect(vocabulary.special).not.toContain(ids[row]);
  });

  it("replaces 80 % by the mask, 10 % by words, and leaves 10 %; all others are as they were", () => {
    const share = (is: (row: number) => boolean): number => [...rows].filter(is).length / rows.length;
    expect(share((row) => changed[row] === vocabulary.mask)).toBeCloseTo(0.8, 1);
    expect(share((row) => changed[row] === ids[row])).toBeCloseTo(0.1, 1);
    const hidden = new Set(rows);
    for (let i = 0; i < ids.length; i++) if (!hidden.has(i)) expect(changed[i]).toBe(ids[i]);
    for (const [i, row] of rows.entries()) expect(targets[i]).toBe(ids[row]);
  });

  it("is the same for the same seed and another for another", () => {
    expect(hideTokens({ ids }, 0.3, vocabulary, new Random(1)).ids).toEqual(changed);
    expect(hideTokens({ ids }, 0.3, vocabulary, new Random(2)).ids).not.toEqual(changed);
  });
});

describe("the candidates of a sampled softmax", () => {
  const targets = Int32Array.of(20, 30, 20, 40);
  const { ids, labels, corrections } = candidatesFor(targets, 100, vocabulary, new Random(3));

  it("are distinct, hold every target, and label it", () => {
    expect(new Set(ids).size).toBe(103);
    expect([...labels].map((label) => ids[label])).toEqual([...targets]);
  });

  it("stand together for the whole vocabulary", () => {
    const weight = corrections.reduce((sum, correction) => sum + Math.exp(correction), 0);
    expect(weight).toBeCloseTo(vocabulary.size - vocabulary.firstWord, 2);
  });
});

describe("weights", () => {
  it("of skimming: nothing, a ramp, then all of it", () => {
    const skim = {
      predictorWidth: 4,
      predictors: undefined,
      weight: 2,
      decay: 1,
      from: 0.2,
      ramp: 0.4,
      target: 0,
      temperature: 1,
      biasStart: 1,
      denseShare: 0,
    };
    expect([0, 0.19, 0.4, 0.6, 1].map((at) => Number(skimWeightAt(skim, at).toFixed(6)))).toEqual([0, 0, 1, 2, 2]);
    expect(skimWeightAt({ ...skim, ramp: 0 }, 0.2)).toBe(2);
  });

  it("of skimming by layer: together 1, alike or falling", () => {
    expect(layerShares(4, 1)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(layerShares(3, 0.5).map((share) => Number((7 * share).toFixed(6)))).toEqual([4, 2, 1]);
    expect(layerShares(2, 0)).toEqual([1, 0]);
  });

  it("of noise: logistic samples, finite, centred", () => {
    const noise = logisticNoise(new Random(5), 20_000);
    const mean = noise.reduce((a, b) => a + b, 0) / noise.length;
    const variance = noise.reduce((sum, x) => sum + x * x, 0) / noise.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(variance).toBeCloseTo(Math.PI ** 2 / 3, 0);
    expect(noise.every(Number.isFinite)).toBe(true);
  });
});
