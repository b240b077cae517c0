/** Tokens to entities, by rules that one can work out by hand, and through the pipeline. */
import { rmSync } from "node:fs";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import type { Tag } from "../../bert/readouts.ts";
import { type AggregationStrategy, groupEntities } from "../../pipeline/entities.ts";
import type { EntityGroup, TokenEntity } from "../../pipeline/outputs.ts";
import { pipeline } from "../../pipeline/pipeline.ts";
import { refused } from "../support/spoiled-model.ts";
import { tinyConfig, writeTinyModel } from "../support/tiny-model.ts";

const labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "E-LOC", "S-LOC"];

/** Pieces of `text` in order, as "piece label probability"; the rest of the probability is the next label's. */
function tagged(text: string, ...pieces: string[]): Tag[] {
  let at = 0;
  return pieces.map((spelled, i) => {
    const [token, label, score] = spelled.split(" ");
    const word = token.replace(/^##|^Ġ/, "");
    const start = text.indexOf(word, at);
    at = start + word.length;
    const best = labels.indexOf(label);
    const scores = labels.map((_, c) => (c === best ? Number(score) : c === (best + 1) % 7 ? 1 - Number(score) : 0));
    return { token, index: i + 1, start, end: at, label, score: Number(score), scores };
  });
}

function grouped(text: string, tags: readonly Tag[], strategy: AggregationStrategy, ignored: string[] = ["O"]) {
  return groupEntities(text, tags, labels, { strategy, ignored }).map(({ entity_group, word, score, start, end }) => {
    expect(text.slice(start, end)).toBe(word);
    return [entity_group, word, Math.round(1000 * score) / 1000];
  });
}

it("simple: B- begins, I- goes on, what is outside lies between", () => {
  const text = "Ada Lovelace Bob met in New York";
  const tags = tagged(
    text,
    "Ada B-PER 0.9",
    "Lovelace I-PER 0.7",
    "Bob B-PER 0.8",
    "met O 1",
    "in O 1",
    "New I-LOC 0.6",
    "York I-LOC 0.8",
  );
  const people = [
    ["PER", "Ada Lovelace", 0.8],
    ["PER", "Bob", 0.8],
  ];
  expect(grouped(text, tags, "simple")).toEqual([...people, ["LOC", "New York", 0.7]]);
  expect(grouped(text, tags, "simple", ["O", "LOC"])).toEqual(people);
  expect(grouped(text, tags, "simple", [])).toContainEqual(["O", "met in", 1]);
  const apart = "Ada and Bob";
  expect(grouped(apart, tagged(apart, "Ada I-PER 0.9", "and O 1", "Bob I-PER 0.9"), "simple")).toHaveLength(2);
});

it("simple: E- ends what it goes on, S- is alone, another kind begins anew", () => {
  const text = "a b c d e f";
  const tags = tagged(text, "a B-LOC 1", "b E-LOC 1", "c I-LOC 1", "d S-LOC 1", "e I-LOC 1", "f I-PER 1");
  expect(grouped(text, tags, "simple").map(([, word]) => word)).toEqual(["a b", "c", "d", "e", "f"]);
});

describe("a word whose pieces disagree", () => {
  const text = "see Gorgeously far";
  const tags = tagged(text, "see O 1", "Gorgeous B-PER 0.5", "##ly B-LOC 0.9", "far O 0.8");
  it.each([
    [
      "simple",
      [
        ["PER", "Gorgeous", 0.5],
        ["LOC", "ly", 0.9],
      ],
    ],
    ["first", [["PER", "Gorgeously", 0.5]]],
    ["max", [["LOC", "Gorgeously", 0.9]]],
    // B-PER 0.25, I-PER 0.25, B-LOC 0.45, I-LOC 0.05.
    ["average", [["LOC", "Gorgeously", 0.45]]],
  ] as const)("%s", (strategy, expected) => {
    expect(grouped(text, tags, strategy)).toEqual(expected);
  });
});

it("finds words in byte-level pieces, but no word in punctuation or ideographs", () => {
  const text = "Zürich-West 東京";
  const tags = tagged(text, "Zür B-LOC 0.9", "ich O 0.6", "- O 0.9", "West I-LOC 0.9", "Ġ東 I-LOC 0.9", "京 O 0.9");
  expect(grouped(text, tags, "first").map(([, word]) => word)).toEqual(["Zürich", "West 東"]);
  const pair = "𝒜𝒷";
  expect(grouped(pair, tagged(pair, "𝒜 B-PER 1", "𝒷 O 1"), "first")).toEqual([["PER", pair, 1]]);
});

it("is an option of the pipeline, by either name", async () => {
  const directory = writeTinyModel({ ...tinyConfig, task: "token-classification", labels: ["O", "B-X", "I-X"] }, {});
  onTestFinished(() => rmSync(directory, { recursive: true }));
  await using tag = await pipeline("token-classification", directory);
  const text = "the film was very gorgeously dull";
  const tokens = await tag(text, { ignore_labels: [], aggregation_strategy: "none" });
  expectTypeOf(tokens).toEqualTypeOf<TokenEntity[]>();
  expect(tokens).toHaveLength(7);
  const everything = { ignoreLabels: [], aggregationStrategy: "first" } as const;
  const entities = await tag([text], everything);
  expectTypeOf(entities).toEqualTypeOf<EntityGroup[][]>();
  expect(entities[0].map(({ word }) => word).join(" ")).toBe(text);
  expect(await tag(text, { ignore_labels: [], aggregation_strategy: "first" })).toEqual(entities[0]);
  const labelsOfWords = entities[0].map(({ entity_group }) => entity_group);
  expect(labelsOfWords.every((name) => ["O", "X"].includes(name))).toBe(true);
  await refused(
    tag(text, { aggregation_strategy: "frist" as "first" }),
    "ERR_OPTION",
    '"frist"',
    'did you mean "first"?',
  );
  await refused(tag(text, { aggregation_strategy: "max", aggregationStrategy: "max" }), "ERR_OPTION", "one option");
});
