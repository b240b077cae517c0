/** The exact bound's constants, and by simulation that certified dials break their promise no more often than delta. */
import { describe, expect, it } from "vitest";
import { binomialTail, certify, errorsAllowed, textsNeeded, upperBound } from "../../bench/certify.ts";
import { frontOf } from "../../bench/dial-sweep.ts";
import { Random } from "../../engine/random.ts";

describe("the exact binomial test", () => {
  it("allows as many errors as published", () => {
    const allowed = [872, 2500, 5000, 12500].map((n) => errorsAllowed(n, 0.01, 0.1));
    expect(allowed).toEqual([4, 18, 40, 110]);
  });

  it("says how few texts can be enough", () => {
    const n = textsNeeded(0.01, 0.1);
    expect([n, errorsAllowed(n, 0.01, 0.1), errorsAllowed(n - 1, 0.01, 0.1)]).toEqual([230, 0, -1]);
  });

  it("sums to one, and its bound is where the tail is delta", () => {
    expect(binomialTail(3, 10, 0.5)).toBeCloseTo((1 + 10 + 45 + 120) / 1024, 12);
    expect(binomialTail(10, 10, 0.5)).toBe(1);
    expect(binomialTail(0, 12500, 0.01)).toBeCloseTo(0.99 ** 12500, 60);
    expect(upperBound(0, 100, 0.1)).toBeCloseTo(1 - 0.1 ** 0.01, 10);
    expect(binomialTail(7, 500, upperBound(7, 500, 0.05))).toBeCloseTo(0.05, 8);
  });
});

it("finds the front, cheapest first", () => {
  const points = [
    { accuracy: 0.9, macs: 10 },
    { accuracy: 0.8, macs: 4 },
    { accuracy: 0.8, macs: 5 },
    { accuracy: 0.95, macs: 20 },
    { accuracy: 0.9, macs: 10 },
  ];
  expect(frontOf(points)).toEqual([1, 0, 3]);
});

const options = { maxDrop: 0.02, delta: 0.1, seed: 1 };

/** Texts whose full model is right on 85 %; setting i loses each right answer with probability risks[i] and gains none. */
function draw(random: Random, n: number, risks: readonly number[]) {
  const labels = Array.from({ length: n }, () => random.integer(2));
  const answers = labels.map((label) => (random.uniform() < 0.85 ? label : 1 - label));
  const full = { answers, macs: answers.map(() => 100) };
  const points = risks.map((risk, i) => ({
    answers: answers.map((answer, t) => (answer === labels[t] && random.uniform() < risk / 0.85 ? 1 - answer : answer)),
    macs: answers.map(() => 90 - 8 * i),
  }));
  return { labels, full, points };
}

describe("certify", () => {
  it.each([
    ["all settings just too risky", [0.0201, 0.0201, 0.0201, 0.0201]],
    ["risk that rises with speed", [0.001, 0.008, 0.014, 0.0201, 0.03, 0.06]],
    ["one good, the others much alike", [0.019, 0.021, 0.0215, 0.022]],
  ])("breaks its promise at most at delta: %s", (_, risks) => {
    const random = new Random(`simulation ${risks}`);
    const trials = 600;
    let violations = 0;
    for (let trial = 0; trial < trials; trial++) {
      const { labels, full, points } = draw(random, 1200, risks);
      const found = certify(points, full, labels, { ...options, seed: trial });
      if (found !== undefined && risks[found.point] > options.maxDrop) violations++;
    }
    // Three standard deviations of the simulation itself.
    const noise = 3 * Math.sqrt((options.delta * (1 - options.delta)) / trials);
    expect(violations / trials).toBeLessThan(options.delta + noise);
  });

  it("takes the cheapest setting that is plainly safe", () => {
    const { labels, full, points } = draw(new Random(5), 4000, [0, 0.001, 0.002, 0.1, 0.2]);
    const found = certify(points, full, labels, options)!;
    expect(found.point).toBe(2);
    expect(found.certificate).toMatchObject({ texts: 2000, loss: "lost answers", maxDrop: 0.02, delta: 0.1 });
    expect(found.certificate.bound).toBeLessThanOrEqual(0.02);
    expect(found.certificate.speedup).toBeCloseTo(100 / 74, 10);
    expect(certify(points.slice(3), full, labels, options)).toBeUndefined();
  });

  it("counts every difference where there are no labels", () => {
    const { full } = draw(new Random(6), 1000, []);
    const answers = full.answers.map((answer, t) => (t % 5 === 0 ? 1 - answer : answer));
    const macs = full.macs.map(() => 1);
    expect(certify([{ answers, macs }], full, undefined, options)).toBeUndefined();
    const same = certify([{ answers: full.answers, macs }], full, undefined, options)!;
    expect(same.certificate).toMatchObject({ errors: 0, loss: "disagreement", texts: 500 });
  });

  it("says how many texts are missing, and refuses impossible promises", () => {
    const { labels, full, points } = draw(new Random(7), 100, [0]);
    expect(() => certify(points, full, labels, { ...options, maxDrop: 0.01 })).toThrow(/at least 460 texts, found 100/);
    expect(() => certify(points, full, labels, { ...options, delta: 1 })).toThrow(/delta < 1/);
  });
});
