/** The tokenizer against recorded cases of Hugging Face's own, published cases, and the worst strings there are. */

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadTokenizer } from "../../bert/tokenizer/load.ts";
import { createTokenizer, type Tokenizer } from "../../bert/tokenizer/tokenizer.ts";
import { sharedFile } from "../shared.ts";

interface Header {
  vocabulary: string;
  modes: Record<string, { lowercase: boolean; stripAccents?: boolean; isolateIdeographs: boolean }>;
}

interface Case {
  mode: string;
  text: string;
  pair?: string;
  maxLength?: number;
  tokens: string;
  offsets: string;
  segments?: string;
  decoded?: string;
}

const recorded = new URL("../fixtures/tokenizer/hugging-face-cases.jsonl", import.meta.url);
const [header, ...cases] = readFileSync(recorded, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line)) as [Header, ...Case[]];
const vocabulary = header.vocabulary.split(" ");
const small = createTokenizer({ vocabulary });

describe("recorded cases of Hugging Face's tokenizer", () => {
  for (const [mode, rules] of Object.entries(header.modes)) {
    const tokenizer = createTokenizer({ vocabulary, ...rules });
    const chosen = cases.filter((c) => c.mode === mode);

    test(`${mode}: ${chosen.length} cases`, () => {
      expect(chosen.length).toBeGreaterThan(10);
      for (const { text, pair, maxLength, tokens, offsets, segments, decoded } of chosen) {
        const found = tokenizer.encode(text, { pair, maxLength });
        const name = JSON.stringify({ text, pair, maxLength });
        expect(found.tokens.join(" "), name).toBe(tokens);
        expect(found.offsets.map((o) => o.join("-")).join(" "), name).toBe(offsets);
        expect(found.ids, name).toEqual(tokens.split(" ").map((token) => vocabulary.indexOf(token)));
        if (segments !== undefined) expect(found.segments.join(""), name).toBe(segments);
        if (decoded !== undefined) expect(tokenizer.decode(found.ids), name).toBe(decoded);
      }
    });
  }

  test("truncated says whether anything was cut", () => {
    for (const { text, pair, maxLength } of cases.filter((c) => c.maxLength !== undefined)) {
      const whole = small.encode(text, { pair });
      const found = small.encode(text, { pair, maxLength });
      expect(found.truncated).toBe(whole.ids.length > maxLength!);
      expect(found.ids.length).toBe(Math.min(whole.ids.length, maxLength!));
    }
  });
});

describe("published cases", () => {
  const vocabularyFile = sharedFile("data/vocab/vocab.txt");
  const general = sharedFile("fixtures/tokenizer/transformersjs_bert_base_uncased_cases.json");
  const questions = sharedFile("fixtures/tokenizer/squad_questions_2000.json");

  test.skipIf(!vocabularyFile || !general || !questions)("2030 of 2030", async () => {
    const tokenizer = await loadTokenizer(dirname(vocabularyFile!));
    const first = JSON.parse(readFileSync(general!, "utf8")) as {
      text: string;
      text_pair?: string;
      tokens: string[];
      ids: number[];
      decoded: string;
    }[];
    for (const { text, text_pair, tokens, ids, decoded } of first) {
      const found = tokenizer.encode(text, { pair: text_pair });
      expect(found.ids).toEqual(ids);
      expect(tokenizer.decode(found.ids)).toBe(decoded);
      expect(tokenizer.encode(text, { pair: text_pair, specialTokens: false }).tokens).toEqual(tokens);
    }
    const second = JSON.parse(readFileSync(questions!, "utf8")) as { text: string; tokens: string[]; ids: number[] }[];
    for (const { text, tokens, ids } of second) {
      const found = tokenizer.encode(text, { specialTokens: false });
      expect(found.tokens).toEqual(tokens);
      expect(found.ids).toEqual(ids);
    }
    expect(first.length + second.length).toBe(2030);
  });
});

describe("any string is a text", () => {
  const strings = [
    "",
    "\0",
    "\0\0\0",
    "\ud800",
    "\udc00\ud800",
    "a\ud800b",
    "\ud83d",
    "😀😀",
    "\u0301",
    "\ufffd",
    "[SEP][CLS][PAD]",
    "￿",
    "__proto__ constructor",
  ];

  test("awkward strings", () => {
    for (const text of strings) wellFormed(small, text);
    expect(small.encode("a\ud800b").tokens).toEqual(["[CLS]", "a", "##b", "[SEP]"]);
  });

  test("random strings", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => wellFormed(small, text)),
      { numRuns: 2000 },
    );
    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (text) => wellFormed(small, text)),
      { numRuns: 2000 },
    );
  });

  // A busy machine may delay one reading; a quadratic tokenizer fails every time.
  test("time grows with the text, not faster", { retry: 3 }, () => {
    const inputs: Record<string, (n: number) => string> = {
      words: (n) => "unaffable movie ".repeat(n / 2),
      "one word": (n) => "a".repeat(16 * n),
      "words of 100 letters": (n) => `${"ab".repeat(50)} `.repeat(n / 8),
      brackets: (n) => "[".repeat(16 * n),
      accents: (n) => "e\u0301".repeat(8 * n),
      "zero width": (n) => `a${"\u200b".repeat(16 * n)}`,
    };
    for (const [name, make] of Object.entries(inputs)) {
      let [quick, slow] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      // Eight times the text; quadratic would be sixty-four. The constant forgives timers and collection of garbage, more rounds a busy machine.
      for (let round = 0; round < 8 && slow >= 24 * quick + 60; round++) {
        quick = Math.min(
          quick,
          fastest(() => small.encode(make(5_000))),
        );
        slow = Math.min(
          slow,
          fastest(() => small.encode(make(40_000))),
        );
      }
      expect(slow, name).toBeLessThan(24 * quick + 60);
    }
  });

  test("a hundred thousand words", () => {
    expect(small.encode("unaffable movie ".repeat(50_000)).ids.length).toBe(50_000 * 4 + 2);
  });

  test("a long text is cut without being read to its end", () => {
    const text = "movie ".repeat(2_000_000);
    expect(small.encode(text, { maxLength: 512 })).toMatchObject({ truncated: true });
    // Less than a tenth of it, read to its end, takes longer.
    const whole = fastest(() => small.encode("movie ".repeat(150_000)));
    expect(fastest(() => small.encode(text, { maxLength: 512 }))).toBeLessThan(whole);
  });
});

describe("offsets", () => {
  test("point at the characters that a token came from", () => {
    const text = "É\u0301t\u00adé İ 한 😀!";
    const { tokens, offsets } = createTokenizer({ vocabulary: [...vocabulary, "ete"] }).encode(text);
    const sources = offsets.map(([start, end]) => text.slice(start, end));
    expect(tokens.slice(1, -1)).toEqual(["ete", "i", "ᄒ", "##ᅡ", "##ᆫ", "😀", "!"]);
    expect(sources.slice(1, -1)).toEqual(["É\u0301t\u00adé", "İ", "한", "한", "한", "😀", "!"]);
  });

  test("of a pair, each into its own text", () => {
    const { offsets, segments, tokens } = small.encode(["the film", "a wit"]);
    expect(tokens).toEqual(["[CLS]", "the", "film", "[SEP]", "a", "wit", "[SEP]"]);
    expect(segments).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(offsets).toEqual([
      [0, 0],
      [0, 3],
      [4, 8],
      [0, 0],
      [0, 1],
      [2, 5],
      [0, 0],
    ]);
    expect(small.encode("the film", { pair: "a wit" })).toEqual(small.encode(["the film", "a wit"]));
  });
});

describe("refusals", () => {
  const refused = (options: object, code: string, ...parts: string[]) => {
    const error = caught(() => createTokenizer(options as Parameters<typeof createTokenizer>[0]));
    expect(error).toMatchObject({ code });
    for (const part of parts) expect(error.message).toContain(part);
  };

  test("a vocabulary that cannot work", () => {
    const where = "dir/vocab.txt";
    refused({ vocabulary: [], where }, "ERR_VOCABULARY", where, "no token at all");
    refused({ vocabulary: ["a", "b"], where }, "ERR_VOCABULARY", where, "[UNK]", '"a", "b"', "2 tokens");
    refused({ vocabulary: vocabulary.filter((t) => t !== "[SEP]"), where }, "ERR_VOCABULARY", "without [SEP]");
    refused({ vocabulary: [...vocabulary, "movie"], where }, "ERR_VOCABULARY", '"movie" for ids');
    refused({ vocabulary: [...vocabulary, ""], where }, "ERR_VOCABULARY", `for id ${vocabulary.length}`);
    refused({ vocabulary: [...vocabulary, 7], where }, "ERR_VOCABULARY", "7 for id");
  });

  test("an option that does not exist", () => {
    refused({ vocabulary, lowerCase: true }, "ERR_OPTION", '"lowercase"');
    const encode = (options: object) => caught(() => small.encode("a", options));
    expect(encode({ maxlength: 3 })).toMatchObject({ code: "ERR_OPTION" });
    expect(encode({ maxLength: 1 })).toMatchObject({ code: "ERR_OPTION" });
    expect(encode({ maxLength: 2.5 })).toMatchObject({ code: "ERR_OPTION" });
    expect(encode({ maxLength: 2, pair: "b" })).toMatchObject({ code: "ERR_OPTION" });
    expect(small.encode("a", { maxLength: 0, specialTokens: false })).toMatchObject({ ids: [], truncated: true });
  });

  test("what is no text", () => {
    const encode = small.encode.bind(small) as (text: unknown, options?: object) => unknown;
    for (const text of [undefined, null, 3, [], ["a"], ["a", "b", "c"], ["a", 1]]) {
      expect(caught(() => encode(text))).toMatchObject({ code: "ERR_INPUT" });
    }
    expect(caught(() => encode(["a", "b"], { pair: "c" }))).toMatchObject({ code: "ERR_INPUT" });
    expect(caught(() => small.decode([1, vocabulary.length]))).toMatchObject({ code: "ERR_INPUT" });
    expect(caught(() => small.decode([0.5]))).toMatchObject({ code: "ERR_INPUT" });
  });
});

test("added tokens mean themselves where they are written", () => {
  const marked = createTokenizer({ vocabulary: [...vocabulary, "<E1>"], addedTokens: ["<E1>"] });
  expect(marked.encode("the<E1>film", { specialTokens: false }).tokens).toEqual(["the", "<E1>", "film"]);
  expect(marked.decode(marked.encode("the<E1>film").ids, { skipSpecialTokens: true })).toBe("the film");
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, found none");
}

function wellFormed(tokenizer: Tokenizer, text: string): void {
  const { ids, tokens, offsets, segments, truncated } = tokenizer.encode(text, { specialTokens: false });
  expect([tokens.length, offsets.length, segments.length]).toEqual([ids.length, ids.length, ids.length]);
  expect(truncated).toBe(false);
  let before = 0;
  for (const [start, end] of offsets) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThan(start);
    expect(end).toBeLessThanOrEqual(text.length);
    before = start;
  }
}

/** Milliseconds of the fastest of three runs. */
function fastest(action: () => void): number {
  const times = [1, 2, 3].map(() => {
    const started = performance.now();
    action();
    return performance.now() - started;
  });
  return Math.min(...times);
}
