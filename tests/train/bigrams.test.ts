import { expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { bigramsOf, trainBigrams } from "../../train/bigrams.ts";

it("takes distinct words, marks and pairs of neighbours", () => {
  expect(bigramsOf("Not good, not GOOD")).toEqual(["not", "good", ",", "not good", "good ,", ", not"]);
  expect(bigramsOf("")).toEqual([]);
});

it("learns what only pairs tell, for several classes", () => {
  const random = new Random("bigrams");
  const rows = Array.from({ length: 900 }, (_, i) => {
    const label = i % 3;
    const words = ["a", "b", "c"].map(() => ["film", "plot", "so"][random.integer(3)]);
    // Every class has the same words; what differs is which stands first.
    const pair = [["not good bad"], ["not bad good"], ["good bad not"]][label][0];
    return { text: `${words.join(" ")} ${pair}`, label };
  });
  const model = trainBigrams(rows.slice(0, 700));
  const right = rows.slice(700).filter(({ text, label }) => model.classify(text) === label).length;
  expect(model.classes).toBe(3);
  expect(right).toBe(200);
  expect(() => trainBigrams([{ text: "a", label: 0 }])).toThrow(/at least two classes/);
});
