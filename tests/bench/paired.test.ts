import { expect, it } from "vitest";
import { paired } from "../../bench/paired.ts";
import { Random } from "../../engine/random.ts";

it("is zero for equal answers", () => {
  expect(paired([0, 1, 1], [0, 1, 1], [0, 1, 0])).toEqual({ difference: 0, low: 0, high: 0, agreement: 1 });
});

it("matches a case by hand", () => {
  // Differences +1, −1, +1, 0: mean 1/4, sample variance 11/12.
  const result = paired([1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]);
  const margin = 1.959964 * Math.sqrt(11 / 12 / 4);
  expect(result.difference).toBeCloseTo(0.25, 12);
  expect(result.low).toBeCloseTo(0.25 - margin, 12);
  expect(result.high).toBeCloseTo(0.25 + margin, 12);
  expect(result.agreement).toBe(0.25);
});

it("covers the true difference about 95 times in 100", () => {
  const random = new Random("paired");
  let covered = 0;
  for (let trial = 0; trial < 1000; trial++) {
    const truth = new Array<number>(400).fill(1);
    // The second is right with 0.8; the first agrees, but is wrong once more in a fortieth of the texts.
    const second = truth.map(() => Number(random.uniform() < 0.8));
    const first = second.map((answer) => (answer === 1 && random.uniform() < 1 / 32 ? 0 : answer));
    const { low, high } = paired(first, second, truth);
    if (low <= -0.025 && -0.025 <= high) covered++;
  }
  expect(covered).toBeGreaterThan(910);
  expect(covered).toBeLessThan(985);
});

it("refuses what cannot be paired", () => {
  expect(() => paired([1], [1, 0], [1, 0])).toThrow(/found 1, 2 and 2/);
});
