/** Quantiles, bootstrap intervals and the sign test against distributions whose answers are known. */
import { describe, expect, it } from "vitest";
import { bootstrap } from "../../bench/bootstrap.ts";
import { calibrationError } from "../../bench/calibration.ts";
import { signInterval, verdictOf } from "../../bench/compare.ts";
import { mean, quantile, supportsQuantile, tails } from "../../bench/statistics.ts";
import { Random } from "../../engine/random.ts";

const normals = (random: Random, n: number): number[] => Array.from({ length: n }, () => 5 + 2 * random.normal());

describe("quantiles", () => {
  it("are those of a uniform and of an exponential distribution", () => {
    const random = new Random(1);
    const uniform = Array.from({ length: 20_000 }, () => random.uniform());
    const exponential = uniform.map((u) => -Math.log(1 - u));
    for (const q of [0.5, 0.9, 0.95, 0.99]) {
      expect(quantile(uniform, q)).toBeCloseTo(q, 1.7);
      expect(quantile(exponential, q) / -Math.log(1 - q)).toBeCloseTo(1, 1);
    }
  });

  it("are quoted only with ten samples beyond them", () => {
    expect([99, 100, 199, 200, 999, 1000].map((n) => supportsQuantile(n, 0.9))).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
    ]);
    const keys = (n: number) => Object.keys(tails(Array.from({ length: n }, (_, i) => i)));
    expect(keys(1)).toEqual(["p50"]);
    expect(keys(99)).toEqual(["p50"]);
    expect(keys(100)).toEqual(["p50", "p90"]);
    expect(keys(200)).toEqual(["p50", "p90", "p95"]);
    expect(keys(1000)).toEqual(["p50", "p90", "p95", "p99"]);
  });
});

describe("the bootstrap", () => {
  it("is as wide as theory says for the mean of a normal sample", () => {
    const sample = normals(new Random(2), 400);
    const { low, high } = bootstrap(sample, mean, { resamples: 2000 });
    const theory = (2 * 1.96 * 2) / Math.sqrt(400);
    expect((high - low) / theory).toBeGreaterThan(0.85);
    expect((high - low) / theory).toBeLessThan(1.15);
  });

  it("covers the true mean about as often as it says", () => {
    const random = new Random(3);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const { low, high } = bootstrap(normals(random, 40), mean, { resamples: 200, level: 0.9, seed: trial });
      if (low <= 5 && 5 <= high) covered++;
    }
    expect(covered / 200).toBeGreaterThan(0.82);
    expect(covered / 200).toBeLessThan(0.96);
  });

  it("gives equal intervals for equal seeds, and nothing for nothing", () => {
    const sample = normals(new Random(4), 30);
    expect(bootstrap(sample, mean, { seed: 7 })).toEqual(bootstrap(sample, mean, { seed: 7 }));
    expect(bootstrap(sample, mean, { seed: 7 })).not.toEqual(bootstrap(sample, mean, { seed: 8 }));
    expect(bootstrap([3], mean)).toEqual({ low: 3, high: 3 });
    expect(() => bootstrap([], mean)).toThrow(/at least one unit/);
  });
});

describe("the sign test", () => {
  it("cuts where the binomial distribution says", () => {
    expect(signInterval(5)).toEqual({ low: 0, coverage: 1 - 2 / 32 });
    expect(signInterval(9)).toEqual({ low: 1, coverage: 1 - 2 * (10 / 512) });
    expect(signInterval(15)).toEqual({ low: 3, coverage: 1 - 2 * (576 / 32_768) });
    expect(signInterval(1).low).toBe(0);
  });

  it("covers the true median as often as it says, whatever the distribution", () => {
    const random = new Random(5);
    const { low, coverage } = signInterval(15);
    let covered = 0;
    for (let trial = 0; trial < 2000; trial++) {
      // Half normal, half Cauchy: disturbed pairs.
      const draw = () => (random.uniform() < 0.5 ? random.normal() : Math.tan(Math.PI * (random.uniform() - 0.5)));
      const sample = Array.from({ length: 15 }, draw).sort((a, b) => a - b);
      if (sample[low] <= 0 && 0 <= sample[14 - low]) covered++;
    }
    expect(covered / 2000).toBeCloseTo(coverage, 1.6);
  });

  it("finds a change only where the whole interval lies beyond the least effect", () => {
    expect(verdictOf(1.04, 1.2, 0.03)).toBe("slower");
    expect(verdictOf(1.02, 1.2, 0.03)).toBe("no difference");
    expect(verdictOf(0.8, 0.96, 0.03)).toBe("faster");
    expect(verdictOf(0.8, 0.98, 0.03)).toBe("no difference");
  });
});

describe("the calibration error", () => {
  it("is 0 for answers as right as they are sure, and the gap for those that are not", () => {
    const answers = (confidence: number, right: number) =>
      Array.from({ length: 100 }, (_, i) => ({ confidence, right: i < right }));
    expect(calibrationError(answers(0.8, 80))).toBeCloseTo(0, 12);
    expect(calibrationError(answers(0.9, 60))).toBeCloseTo(0.3, 12);
    expect(calibrationError([...answers(0.9, 60), ...answers(0.5, 50)])).toBeCloseTo(0.15, 12);
    expect(calibrationError(answers(1, 100))).toBe(0);
    expect(() => calibrationError([])).toThrow(/at least one answer/);
  });
});
