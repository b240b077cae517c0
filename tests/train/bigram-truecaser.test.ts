import { expect, it } from "vitest";
import { type CasedTokens, trainBigramTruecaser } from "../../train/bigram-truecaser.ts";

const [lower, title, upper] = [0, 1, 2];
const text = (...words: [string, number][]): CasedTokens => ({
  tokens: words.map(([word]) => word),
  tags: words.map(([, tag]) => tag),
});

const learnt = [
  text([".", -1], ["the", title], ["bush", lower], ["burns", lower]),
  text(["president", lower], ["bush", title], ["is", lower]),
  text(["president", lower], ["bush", title], [".", -1], ["the", title]),
  text(["a", lower], ["bush", lower], ["the", lower], ["bush", lower], ["and", lower], ["the", lower], ["rest", lower]),
];

it("asks the pair of words first, then the word, then what is usual", () => {
  const truecaser = trainBigramTruecaser(learnt, 3);
  const asked = text(["president", 0], ["bush", 0], [".", -1], ["the", 0], ["the", 0], ["unseen", 0], ["bush", 0]);
  expect(truecaser.answers(asked)).toEqual([lower, title, -1, title, lower, lower, lower]);
});

it("takes the pieces of a word together", () => {
  const truecaser = trainBigramTruecaser([text(["na", upper], ["##sa", -1], ["na", lower], ["na", lower])], 3);
  expect(truecaser.answers(text(["na", 0], ["##sa", -1], ["na", 0]))).toEqual([upper, -1, lower]);
});

it("needs words that have a case", () => {
  expect(() => trainBigramTruecaser([text(["12", -1])], 3)).toThrow(/expected words with a case, found none/);
});
