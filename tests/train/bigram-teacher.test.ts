import { expect, it } from "vitest";
import { Random } from "../../engine/random.ts";
import { bigramAnswers, halvesOf } from "../../train/bigram-teacher.ts";
import { type Dataset, datasetOf } from "../../train/dataset.ts";
import { splice } from "../../train/splice.ts";

const answers = (set: Dataset, sources: string[], learn: number[], partOf = new Map<number, number>()): Float32Array =>
  bigramAnswers(set, { sources, learn, partOf }, 2, () => undefined);
const answer = (logits: Float32Array, t: number): number => Number(logits[2 * t + 1] > logits[2 * t]);

it("answers texts without labels by what it learned, in logits of probabilities that sum to 1", () => {
  const words = ["dull", "gorgeous"];
  const texts = Array.from({ length: 200 }, (_, i) => ({ text: `a ${words[i % 2]} film ${i}`, label: i % 2 }));
  const unlabelled = ["a gorgeous film", "so dull"];
  const set = datasetOf([...texts.map(({ label }) => ({ ids: [1], label })), ...unlabelled.map(() => ({ ids: [1] }))]);
  const learn = [...texts.keys(), 200, 201];
  const logits = answers(set, [...texts.map(({ text }) => text), ...unlabelled], learn);
  expect([answer(logits, 200), answer(logits, 201)]).toEqual([1, 0]);
  for (const t of [0, 1, 200]) {
    const [first, second] = [Math.exp(logits[2 * t]), Math.exp(logits[2 * t + 1])];
    expect(first + second).toBeGreaterThan(0.9);
    expect(first + second).toBeLessThan(1.1);
  }
});

it("has not seen the labelled text that it answers, nor what is held out", () => {
  const random = new Random("bigram teacher");
  // Every text is a word of its own with a label by lot: who has seen it knows it, who has not can only guess.
  const labels = Array.from({ length: 400 }, () => random.integer(2));
  const set = datasetOf(labels.map((label) => ({ ids: [1], label })));
  const sources = labels.map((_, i) => `word${i}`);
  const learn = Array.from({ length: 300 }, (_, i) => i);
  const logits = answers(set, sources, learn);
  const right = labels.filter((label, t) => answer(logits, t) === label).length;
  expect(right / labels.length).toBeLessThan(0.6);
});

it("has not seen phrases of the text that it answers either", () => {
  const random = new Random("bigram teacher");
  const words = (i: number): string[] => Array.from({ length: 9 }, (_, w) => `word${i}of${w}`);
  const labels = Array.from({ length: 200 }, () => random.integer(2)).flatMap((label) => [label, label]);
  const sources = labels.map((_, i) => (i % 2 ? words(i >> 1).slice(2, 8) : words(i >> 1)).join(" "));
  const set = datasetOf(labels.map((label) => ({ ids: [1], label })));
  const logits = answers(set, sources, [...labels.keys()]);
  const right = labels.filter((label, t) => answer(logits, t) === label).length;
  expect(right / labels.length).toBeLessThan(0.6);
});

it("has seen neither text that a splice is made of", () => {
  const random = new Random("bigram teacher");
  const labels = Array.from({ length: 400 }, () => random.integer(2));
  const sources = labels.map((_, i) => `word${i} more${i}`);
  const labelled = [...labels.keys()];
  const halves = halvesOf(labelled, sources);
  const kinds = labelled.map((t) => `${labels[t]} ${halves.get(t)}`);
  const made = splice(sources, kinds, 400, random);
  const set = datasetOf([...labels.map((label) => ({ ids: [1], label })), ...made.map(() => ({ ids: [1] }))]);
  const partOf = new Map(made.map(({ part }, i) => [400 + i, part]));
  const all = [...sources, ...made.map(({ text }) => text)];
  const logits = answers(set, all, [...all.keys()], partOf);
  const right = made.filter(({ part }, i) => answer(logits, 400 + i) === labels[part]).length;
  expect(right / made.length).toBeLessThan(0.6);
});
