/** The generator: the published algorithm, the distributions, and runs that resume bit-equal. */

import { describe, expect, test } from "vitest";
import { Random } from "../../engine/random.ts";

const draw = (random: Random, n: number) => Array.from({ length: n }, () => random.next());

test("is xoshiro128**: the same numbers as its definition in 64-bit integers", () => {
  const mask = 0xffffffffn;
  const rotate = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  let [a, b, c, d] = [1n, 2n, 0xffffffffn, 0x80000000n];
  const expected: number[] = [];
  for (let i = 0; i < 1000; i++) {
    expected.push(Number((rotate((b * 5n) & mask, 7n) * 9n) & mask));
    const t = (b << 9n) & mask;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11n);
  }
  expect(draw(Random.restore([1, 2, 0xffffffff, 0x80000000]), 1000)).toEqual(expected);
});

test("equal seeds give equal numbers, others do not", () => {
  expect(draw(new Random(7), 20)).toEqual(draw(new Random(7), 20));
  const firsts = new Set([0, 1, 2, -1, 7, 0.5, "", "a", "b", "7"].map((seed) => new Random(seed).next()));
  expect(firsts.size).toBe(10);
});

test("the numbers of a seed never change", () => {
  expect(draw(new Random(1), 4)).toMatchInlineSnapshot(`
    [
      224084945,
      2461081286,
      3625471909,
      3401248335,
    ]
  `);
  expect(draw(new Random("taper").fork("dropout"), 2)).toMatchInlineSnapshot(`
    [
      2181277330,
      3473967375,
    ]
  `);
});

describe("resuming", () => {
  test("goes on with the same numbers, from JSON too", () => {
    const random = new Random(3);
    for (let i = 0; i < 17; i++) random.normal();
    const state = JSON.parse(JSON.stringify(random.state)) as Random["state"];
    const rest = [random.normal(), random.uniform(), random.integer(10), random.next()];
    const resumed = Random.restore(state);
    expect([resumed.normal(), resumed.uniform(), resumed.integer(10), resumed.next()]).toEqual(rest);
    expect(resumed.state).toEqual(random.state);
  });

  test("refuses what is no state", () => {
    for (const state of [
      undefined,
      [],
      [1, 2, 3],
      [0, 0, 0, 0],
      [1, 2, 3, -4],
      [1, 2, 3, 0.5],
      [1, 2, 3, 2 ** 32],
      "abcd",
    ]) {
      expect(() => Random.restore(state as unknown as Random["state"])).toThrow(/four 32-bit words/);
    }
  });
});

test("forks are independent of each other and of their order, and do not move the parent", () => {
  const random = new Random(5);
  const before = random.state;
  const [x, y] = [draw(random.fork("x"), 8), draw(random.fork("y"), 8)];
  expect(random.state).toEqual(before);
  expect(draw(random.fork("y"), 8)).toEqual(y);
  expect(draw(random.fork("x"), 8)).toEqual(x);
  expect(new Set([...x, ...y, ...draw(random.fork(0), 8), ...draw(random.fork("0"), 8)]).size).toBe(32);
  random.next();
  expect(draw(random.fork("x"), 8)).not.toEqual(x);
});

describe("distributions", () => {
  const n = 200_000;

  test("uniform: range, mean, variance", () => {
    const random = new Random(11);
    const values = Array.from({ length: n }, () => random.uniform());
    expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(values.every((v) => v >= 0 && v < 1)).toBe(true);
    const { mean, variance } = moments(values);
    // Five standard errors of each.
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
    const shifted = new Random(1).uniform(-3, -2);
    expect(shifted).toBe(-3 + new Random(1).uniform());
  });

  test("normal: mean, variance, kurtosis, tails", () => {
    const random = new Random(12);
    const values = Array.from({ length: n }, () => random.normal());
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const fourth = values.reduce((sum, v) => sum + v ** 4, 0) / n;
    expect(Math.abs(fourth - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    const beyondTwo = values.filter((v) => Math.abs(v) > 2).length / n;
    expect(Math.abs(beyondTwo - 0.0455)).toBeLessThan(0.0025);
    expect(new Random(4).normal(10, 2)).toBe(10 + 2 * new Random(4).normal());
  });

  test("integer: every value as often, also where n does not divide 2^32", () => {
    const random = new Random(13);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[random.integer(7)]++;
    const chiSquared = counts.reduce((sum, count) => sum + (count - n / 7) ** 2 / (n / 7), 0);
    expect(chiSquared).toBeLessThan(27.9); // 6 degrees of freedom, one in ten thousand
    const large = 3 * 2 ** 30;
    const below = Array.from({ length: 3000 }, () => random.integer(large)).filter((v) => v < large / 3).length;
    expect(Math.abs(below - 1000)).toBeLessThan(5 * Math.sqrt(3000 * (2 / 9)));
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1])
      expect(() => random.integer(wrong)).toThrow(/expected n/);
    expect(random.integer(1)).toBe(0);
  });

  test("shuffle: every order as often, nothing lost, typed arrays too", () => {
    const random = new Random(14);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquared).toBeLessThan(56); // 23 degrees of freedom, one in ten thousand
    const typed = random.shuffle(Uint32Array.from({ length: 100 }, (_, i) => i));
    expect([...typed].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(random.shuffle([])).toEqual([]);
  });
});

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  return { mean, variance };
}
