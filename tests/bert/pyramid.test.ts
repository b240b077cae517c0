/** Drawings of traces whose every decision is written down here. */
import { expect, it } from "vitest";
import { displayWidth, printable } from "../../bert/display-width.ts";
import { drawPyramid, pyramidOf } from "../../bert/pyramid.ts";
import { createTokenizer } from "../../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../../bert/trace.ts";
import { tinyVocabulary } from "../support/tiny-model.ts";

const tokenizer = createTokenizer({ vocabulary: tinyVocabulary });
const layers = 4;

/** A trace in which token i leaves at step `leftAt[i]`. */
function traceOf(leftAt: number[], exitLayer = layers): Trace {
  const alive = (step: number) => leftAt.filter((left) => left > step).length;
  const attended = Array.from({ length: layers }, (_, l) => (l < exitLayer ? alive(2 * l) : 0));
  const zeros = new Array<number>(layers).fill(0);
  const costs = { macs: 0, denseMacs: 0, overheadMacs: 0 };
  return { length: leftAt.length, attended, fed: attended, scored: zeros, heads: zeros, exitLayer, ...costs, leftAt };
}

function draw(text: string, leftAt: number[], exitLayer = layers, width = 80): string[] {
  return drawPyramid(pyramidOf(text, tokenizer.encode(text), traceOf(leftAt, exitLayer)), { width });
}

it("draws a line a layer, dots where words left, and where the text was answered", () => {
  // [CLS] a witty , gorgeous film . [SEP]
  expect(draw("A witty, gorgeous film.", [8, 0, 8, 2, 4, 8, 3, 0], 3)).toEqual([
    "layer  rows",
    "    1     6  · witty, gorgeous film.",
    "    2     5  · witty· gorgeous film.",
    "    3     3  · witty· ········ film·",
    "             sure after layer 3 of 4",
  ]);
});

it("says so when a text goes all the way", () => {
  expect(draw("film", [8, 8, 8]).at(-1)).toBe("             answered by the last layer, 4");
});

it("joins the pieces of a word; it lives as long as its last piece", () => {
  expect(tokenizer.encode("badly filming").tokens).toEqual(["[CLS]", "bad", "##ly", "film", "##ing", "[SEP]"]);
  const lines = draw("badly filming", [8, 0, 4, 6, 2, 8]);
  expect(lines.slice(1, 5).map((line) => line.slice(13))).toEqual([
    "badly filming",
    "badly filming",
    "····· filming",
    "····· ·······",
  ]);
});

it("keeps the text's own words and spaces apart from the tokenizer's", () => {
  const text = "It isn't   GOOD";
  const { words } = pyramidOf(text, tokenizer.encode(text), traceOf(new Array(8).fill(8)));
  expect(words.map((word) => (word.spaced ? " " : "") + word.text)).toEqual(["It", " isn", "'", "t", " GOOD"]);
});

it("wraps long texts and cuts words that no line can hold", () => {
  const text = `a very ${"x".repeat(40)} good gorgeous film`;
  const lines = draw(text, new Array(8).fill(8), 1, 44);
  expect(lines.slice(1, -1)).toEqual([
    "    1     8  a very",
    `             ${"x".repeat(31)}`,
    `             ${"x".repeat(9)} good gorgeous film`,
  ]);
  expect(draw(text, new Array(8).fill(8), 1, 1)).toEqual(lines);
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(44);
});

it("never hands a terminal something to obey", () => {
  const text = "a \u001b[31mred\u0007\u202e film\ud800";
  const encoding = tokenizer.encode(text);
  const lines = drawPyramid(pyramidOf(text, encoding, traceOf(encoding.ids.map(() => 8))));
  expect(lines.join("")).not.toMatch(/\p{C}/u);
  expect(lines[1]).toContain("film");
});

it("counts columns: ideographs two, accents none", () => {
  expect([..."aé中😀"].map((character) => displayWidth(character))).toEqual([1, 1, 2, 2]);
  expect(displayWidth("e\u0301")).toBe(1);
  expect(printable("a\u0000b\ud800c")).toBe("abc");
  expect(draw("中 film", [8, 0, 8, 8])[1]).toBe("    1     3  ·· film");
});

it("draws pairs from both texts and dims only what left", () => {
  const pair = ["a film", "not good"] as const;
  const trace = traceOf([8, 0, 8, 8, 8, 0, 8]);
  const pyramid = pyramidOf(pair, tokenizer.encode(pair), trace);
  const lines = drawPyramid(pyramid, { dim: (dots) => `<${dots}>` });
  expect(lines[1]).toBe("    1     5  <·> film not <····>");
});

it("an empty text has a pyramid of special tokens", () => {
  expect(draw("", [8, 8], 2)).toEqual([
    "layer  rows",
    "    1     2",
    "    2     2",
    "             sure after layer 2 of 4",
  ]);
});
