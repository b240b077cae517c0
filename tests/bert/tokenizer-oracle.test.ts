/**
 * Random strings against `@huggingface/tokenizers`, the JavaScript port of Hugging Face's tokenizer.
 *
 * What the two do otherwise is listed and decided in docs/robustness.md; the strings here avoid it: Σ at the end of a word, ideographs
 * beyond U+FFFF, an empty second text, and spacing marks, which NFD reorders.
 */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../bert/tokenizer/tokenizer.ts";
import { SPECIAL_TOKENS } from "../../bert/tokenizer/vocabulary.ts";
import { sharedFile } from "../shared.ts";
import { type Oracle, oracleOf } from "../support/word-piece-oracle.ts";

const recorded = new URL("../fixtures/tokenizer/hugging-face-cases.jsonl", import.meta.url);
const header = JSON.parse(readFileSync(recorded, "utf8").split("\n", 1)[0]) as { vocabulary: string };
const full = sharedFile("data/vocab/vocab.txt");

/** Characters that the rules tell apart, many more of them than chance would bring. */
const AWKWARD = [
  ..." \t\n\r\u000b\u0085\u00a0\u2028\u3000\u200b\u200d\ufeff\u00ad\0\ufffd",
  ..."[]#'’“…$`^~|+=<>¿·†‡ ",
  ..."aAzZeÉéÅåßẞſİıǅ ﬁΩΚσς≠≮①½²",
  ..."\u0300\u0301\u0327\u0308\u0345\u1ab0\u20d0",
  ..."中国生豈々〆一ひらカナ한국하",
  "😀",
  "👩‍👩‍👧",
  "❤️",
  "𝒳",
  "\ud800",
  "\udfff",
  "\ue000",
  ...SPECIAL_TOKENS,
  "[mask]",
  "##ing",
  "un",
  "affable",
  "x".repeat(99),
];
const avoided = /Σ|[\u{20000}-\u{3ffff}]|[\p{Mc}]/u;
const strings = fc
  .oneof(
    { weight: 4, arbitrary: fc.array(fc.constantFrom(...AWKWARD), { maxLength: 24 }).map((parts) => parts.join("")) },
    { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 24 }) },
    { weight: 1, arbitrary: fc.lorem({ maxCount: 8 }) },
  )
  .filter((text) => !avoided.test(text));

const rules = [
  { lowercase: true, stripAccents: undefined, isolateIdeographs: true },
  { lowercase: false, stripAccents: undefined, isolateIdeographs: true },
  { lowercase: true, stripAccents: false, isolateIdeographs: true },
  { lowercase: false, stripAccents: true, isolateIdeographs: false },
];

const vocabularies: [string, string[]][] = [["a small vocabulary", header.vocabulary.split(" ")]];
if (full !== undefined) vocabularies.push(["bert-base-uncased", readFileSync(full, "utf8").trimEnd().split("\n")]);

for (const [name, vocabulary] of vocabularies) {
  describe(name, () => {
    for (const rule of rules) {
      test(JSON.stringify(rule), () => {
        const ours = createTokenizer({ vocabulary, ...rule });
        const oracle = oracleOf(vocabulary, rule);
        fc.assert(
          fc.property(strings, strings, (first, second) => {
            same(ours, oracle, first, undefined);
            if (second !== "") same(ours, oracle, first, second);
          }),
          { numRuns: 3000 },
        );
      });
    }
  });
}

function same(ours: Tokenizer, oracle: Oracle, text: string, pair: string | undefined): void {
  const found = ours.encode(text, { pair });
  const expected = oracle.encode(text, { text_pair: pair ?? null, return_token_type_ids: true });
  expect(found.tokens).toEqual(expected.tokens);
  expect(found.ids).toEqual(expected.ids);
  expect(found.segments).toEqual(expected.token_type_ids);
}
