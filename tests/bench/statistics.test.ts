/** The statistics against distributions whose quantiles are known. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { mean, median, pairwiseRatios, quantile, summarise } from "../../bench/statistics.ts";

const hundred = Array.from({ length: 101 }, (_, i) => (i * 37) % 101);

it("finds the quantiles of 0 … 100 in any order", () => {
  for (const q of [0, 0.01, 0.5, 0.9, 1]) expect(quantile(hundred, q)).toBeCloseTo(100 * q, 12);
});

it("interpolates between neighbours as NumPy does", () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
  expect(quantile([10, 0], 0.9)).toBeCloseTo(9, 12);
  expect(quantile([7], 0.3)).toBe(7);
});

it("summarises an exponential distribution", () => {
  const n = 20001;
  const exponential = Array.from({ length: n }, (_, i) => -Math.log(1 - (i + 0.5) / n));
  const summary = summarise(exponential);
  expect(summary.count).toBe(n);
  expect(summary.median).toBeCloseTo(Math.LN2, 3);
  expect(summary.p90).toBeCloseTo(Math.log(10), 3);
  expect(summary.mean).toBeCloseTo(1, 3);
});

it("orders min ≤ median ≤ p90 ≤ max and leaves its input alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (samples) => {
      const before = [...samples];
      const { min, median: middle, p90, max } = summarise(samples);
      expect(samples).toEqual(before);
      expect(min).toBe(Math.min(...samples));
      expect(max).toBe(Math.max(...samples));
      expect(min <= middle && middle <= p90 && p90 <= max).toBe(true);
    }),
  );
});

it("takes ratios pair by pair", () => {
  expect(pairwiseRatios([2, 9, 8], [1, 3, 16])).toEqual([2, 3, 0.5]);
  expect(() => pairwiseRatios([1], [1, 2])).toThrow(/1 and 2/);
});

it("refuses to summarise nothing", () => {
  for (const f of [median, mean, summarise]) expect(() => f([])).toThrow(/at least one sample/);
});
