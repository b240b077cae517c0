/** When a text is sure: each criterion at its threshold, together, and where there is no finite answer. */
import { describe, expect, it } from "vitest";
import { type ExitDials, exitMargin, normalisedEntropy, probabilities, wantsAnswer } from "../../exit/criteria.ts";

const logits = (...values: number[]): Float32Array => Float32Array.from(values);
const isSure = (dials: ExitDials, answers: Float32Array[], ms = 0): boolean => exitMargin(dials, answers, ms) >= 0;

describe("normalised entropy", () => {
  const ofProbabilities = (...p: number[]): number => normalisedEntropy(p.map(Math.log));

  it("is that of hand-worked distributions", () => {
    expect(ofProbabilities(0.5, 0.5)).toBe(1);
    expect(ofProbabilities(1, 0)).toBe(0);
    expect(ofProbabilities(0.9, 0.1)).toBeCloseTo(0.468996, 6);
    expect(ofProbabilities(0.5, 0.25, 0.25)).toBeCloseTo(1.5 / Math.log2(3), 12);
    expect(ofProbabilities(1)).toBe(0);
  });

  it("is the sum over probabilities, to rounding, and NaN without an answer", () => {
    const given = logits(1.5, -0.25, 3, 0, -40, 700);
    for (let c = 2; c <= given.length; c++) {
      const p = probabilities(given.subarray(0, c));
      const sum = p.reduce((total, value) => total - (value === 0 ? 0 : value * Math.log(value)), 0);
      expect(normalisedEntropy(given.subarray(0, c))).toBeCloseTo(sum / Math.log(c), 14);
    }
    expect(normalisedEntropy(logits(1, Number.NaN))).toBeNaN();
  });

  it("is at most 1 for any number of equal labels, so that a threshold of 1 lets every text exit", () => {
    for (let c = 2; c < 300; c++) {
      expect(normalisedEntropy(new Float32Array(c).fill(-3.7))).toBeLessThanOrEqual(1);
      expect(isSure({ entropy: 1 }, [new Float32Array(c)])).toBe(true);
    }
  });
});

describe("a text exits", () => {
  const p = probabilities(logits(2, 0));
  const u = normalisedEntropy(logits(2, 0));

  it("at its entropy or above, not below", () => {
    expect(isSure({ entropy: u }, [logits(2, 0)])).toBe(true);
    expect(isSure({ entropy: u - 1e-9 }, [logits(2, 0)])).toBe(false);
  });

  it("at its confidence or below, not above", () => {
    expect(isSure({ confidence: p[0] }, [logits(2, 0)])).toBe(true);
    expect(isSure({ confidence: p[0] + 1e-9 }, [logits(2, 0)])).toBe(false);
  });

  it("after as many equal answers in a row as patience asks for", () => {
    const answers = [logits(0, 1), logits(1, 0), logits(2, 0)];
    expect(isSure({ patience: 2 }, answers)).toBe(true);
    expect(isSure({ patience: 3 }, answers)).toBe(false);
    expect(isSure({ patience: 1 }, answers.slice(0, 1))).toBe(true);
    expect(isSure({ patience: Number.POSITIVE_INFINITY }, answers)).toBe(false);
  });

  it("once the deadline has passed, however unsure", () => {
    expect(isSure({ deadlineMs: 5 }, [logits(0, 0)], 5)).toBe(true);
    expect(isSure({ deadlineMs: 5 }, [logits(0, 0)], 4.9)).toBe(false);
  });

  it("by any one of several criteria, and never without one", () => {
    expect(isSure({ entropy: 0, patience: 1 }, [logits(2, 0)])).toBe(true);
    expect(isSure({ entropy: 0, confidence: 1 }, [logits(2, 0)])).toBe(false);
    expect(exitMargin({}, [logits(2, 0)], 9)).toBe(Number.NEGATIVE_INFINITY);
  });

  it("on an answer of NaN only by the deadline", () => {
    const broken = [logits(Number.NaN, 0), logits(Number.NaN, 0)];
    expect(isSure({ entropy: 1, confidence: 0, patience: 1 }, broken)).toBe(false);
    expect(isSure({ entropy: 1, confidence: 0, patience: 1, deadlineMs: 3 }, broken, 4)).toBe(true);
  });
});

it("asks no head while a deadline ahead is the only criterion", () => {
  expect(wantsAnswer({ deadlineMs: 5 }, 4)).toBe(false);
  expect(wantsAnswer({ deadlineMs: 5 }, 5)).toBe(true);
  expect(wantsAnswer({ deadlineMs: 5, patience: 2 }, 1)).toBe(true);
  expect(wantsAnswer({ entropy: 0 }, 1)).toBe(true);
  expect(wantsAnswer({}, 1)).toBe(true);
});
