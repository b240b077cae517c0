/** Who stays: above the threshold and nowhere else, [CLS] always, and whoever has no finite score. */
import { expect, it } from "vitest";
import { importanceMargins, keepOf, predictorMargins } from "../../skim/policy.ts";

const starts = Int32Array.of(0, 3, 3, 5);

const kept = (margins: Float32Array): number[] => {
  const keep = new Uint8Array(margins.length + 1).fill(7);
  const leaving = keepOf(margins, keep);
  const its = [...keep.subarray(0, margins.length)];
  expect([leaving, keep[margins.length]]).toEqual([its.filter((one) => one === 0).length, 7]);
  return its;
};

it("keeps a row exactly if logit 1 minus logit 0 is above the threshold", () => {
  const logits = Float32Array.of(9, 0, 0, 1.5, 0, 1, 9, 0, 0, 0.5);
  const margins = predictorMargins(logits.slice(), starts, 1);
  expect([...margins]).toEqual([Number.POSITIVE_INFINITY, 0.5, 0, Number.POSITIVE_INFINITY, -0.5]);
  expect(kept(margins)).toEqual([1, 1, 0, 1, 0]);
  expect(kept(predictorMargins(logits.slice(), starts, Number.POSITIVE_INFINITY))).toEqual([1, 0, 0, 1, 0]);
});

it("keeps a row exactly if its importance is above the threshold", () => {
  const importance = Float32Array.of(0, 0.5, 0.25, 0, 0.125);
  expect(kept(importanceMargins(importance, starts, 0.25))).toEqual([1, 1, 0, 1, 0]);
});

it("keeps a row whose score is NaN", () => {
  const logits = Float32Array.of(0, 0, Number.NaN, 0, 0, -1, 0, 0, 0, -1);
  expect(kept(predictorMargins(logits.slice(), starts, 0))).toEqual([1, 1, 0, 1, 0]);
});
