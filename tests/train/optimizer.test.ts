/** AdamW against values worked out by hand, its schedule and its clipping. */
import { describe, expect, it } from "vitest";
import type { Layout } from "../../train/layout.ts";
import { adamw, clipScale, learningRateAt, type OptimizerConfig, squaredNorm } from "../../train/optimizer.ts";

const optimizer: OptimizerConfig = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  eps: 0,
  weightDecay: 0.5,
  warmup: 0.2,
  clip: 1,
};

const layout: Layout = {
  segments: [
    { names: ["a.weight"], shape: [1, 2], kind: "weights", rows: 1, columns: 2, offset: 0, length: 2, learns: "model" },
    { names: ["a.bias"], shape: [1], kind: "vector", rows: 1, columns: 1, offset: 2, length: 1, learns: "model" },
  ],
  length: 3,
};

function fresh() {
  return { values: new Float32Array([1, 2, 3]), moments: { first: new Float32Array(3), second: new Float32Array(3) } };
}

describe("adamw", () => {
  it("moves by the rate against the gradient's sign at first, and decays matrices but no bias", () => {
    const { values, moments } = fresh();
    adamw(
      values,
      moments,
      new Float32Array([4, -4, 4]),
      [0, 3],
      { ...optimizer, rate: 0.1, step: 0, scale: 1 },
      layout,
    );
    // The first step's m̂/√v̂ is the sign; decay multiplies by 1 − 0.1 · 0.5.
    expect([...values].map((v) => Number(v.toFixed(5)))).toEqual([0.85, 2, 2.9]);
  });

  it("equals the definition over a second step, with a scaled gradient", () => {
    const { values, moments } = fresh();
    const gradients = [2, -1];
    for (const [step, g] of gradients.entries()) {
      adamw(
        values,
        moments,
        new Float32Array([0, 0, g]),
        [0, 3],
        { ...optimizer, rate: 0.1, step, scale: 0.5 },
        layout,
      );
    }
    // By hand for the bias: g = 1, then −0.5.
    const m = 0.9 * 0.1 * 1 + 0.1 * -0.5;
    const v = 0.99 * 0.01 * 1 + 0.01 * 0.25;
    const second = (0.1 * (m / (1 - 0.81))) / Math.sqrt(v / (1 - 0.9801));
    expect(values[2]).toBeCloseTo(3 - 0.1 - second, 5);
  });

  it("leaves everything outside its slice alone", () => {
    const { values, moments } = fresh();
    adamw(values, moments, new Float32Array([1]), [1, 2], { ...optimizer, rate: 0.1, step: 0, scale: 1 }, layout);
    expect([values[0], values[2]]).toEqual([1, 3]);
    expect(values[1]).not.toBe(2);
  });

  it("gives the same parameters in slices as whole", () => {
    const whole = fresh();
    const sliced = fresh();
    const gradient = new Float32Array([0.3, -0.2, 0.7]);
    const how = { ...optimizer, rate: 0.1, step: 0, scale: 1 };
    adamw(whole.values, whole.moments, gradient, [0, 3], how, layout);
    adamw(sliced.values, sliced.moments, gradient.subarray(0, 1), [0, 1], how, layout);
    adamw(sliced.values, sliced.moments, gradient.subarray(1), [1, 3], how, layout);
    expect(sliced.values).toEqual(whole.values);
  });
});

it("leaves the frozen alone, and moves the rest at its own rate, unscaled", () => {
  const [weights, bias] = layout.segments;
  const mixed: Layout = {
    ...layout,
    segments: [
      { ...weights, learns: "frozen" },
      { ...bias, learns: "apart" },
    ],
  };
  const { values, moments } = fresh();
  const how = { ...optimizer, rate: 0.1, apartRate: 0.001, step: 0, scale: 1e-9 };
  adamw(values, moments, new Float32Array([4, -4, 4]), [0, 3], how, mixed);
  expect([...values]).toEqual([1, 2, Math.fround(3 - 0.001)]);
});

describe("the schedule", () => {
  it("rises linearly, peaks, and falls linearly to nothing", () => {
    const rates = Array.from({ length: 10 }, (_, step) => learningRateAt(optimizer, step, 10));
    expect(rates.map((rate) => Number(rate.toFixed(4)))).toEqual([
      0.05, 0.1, 0.1, 0.0875, 0.075, 0.0625, 0.05, 0.0375, 0.025, 0.0125,
    ]);
  });
});

describe("clipping", () => {
  it("scales long gradients to the limit and leaves short ones", () => {
    expect(squaredNorm(new Float32Array([3, 4]), [1, 3], layout)).toBe(25);
    const [weights, bias] = layout.segments;
    const apart: Layout = { ...layout, segments: [weights, { ...bias, learns: "apart" }] };
    expect(squaredNorm(new Float32Array([3, 4]), [1, 3], apart)).toBe(9);
    expect(clipScale(5, 1)).toBe(0.2);
    expect(clipScale(0.5, 1)).toBe(1);
    expect(clipScale(5, 0)).toBe(1);
  });
});
