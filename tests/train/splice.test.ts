import { expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { splice } from "../../train/splice.ts";

const texts = ["a1 a2 a3 a4", "b1 b2 b3", "c1  c2", "d1"];
const labels = [0, 0, 1, 1];

it("joins the first half of a text and the second half of another with its label", () => {
  const made = splice(texts, labels, 400, new Random(1));
  for (const { text, part } of made) expect(text[0]).toBe(texts[part][0]);
  expect(made).toHaveLength(400);
  // Of an odd number of words, the middle one is in the first half.
  const all = ["a1 a2 a3 a4", "a1 a2 b3", "b1 b2 a3 a4", "b1 b2 b3", "c1 c2", "c1", "d1 c2", "d1"];
  expect([...new Set(made.map(({ text }) => text))].sort()).toEqual(all.sort());
});

it("makes the same texts of the same seed", () => {
  const make = (seed: number) => splice(texts, labels, 20, new Random(seed));
  expect(make(2)).toEqual(make(2));
  expect(make(2)).not.toEqual(make(3));
});
