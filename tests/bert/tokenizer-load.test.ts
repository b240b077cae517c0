/** A tokenizer from a directory: which file says what, and what a wrong file gets. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadTokenizer } from "../../bert/tokenizer/load.ts";

const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "The", "é", "e", "film", "##s", "中", "<E1>"];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "taper-tokenizer-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(directory, name), content);
const writeJson = (name: string, value: unknown) => write(name, JSON.stringify(value));
const vocabularyText = `${tokens.join("\n")}\n`;
const ids = (list: readonly string[]) => Object.fromEntries(list.map((token, id) => [token, id]));
const tokenizerJson = (normalizer: object = {}, model: object = {}, rest: object = {}) => ({
  normalizer: { type: "BertNormalizer", ...normalizer },
  model: { type: "WordPiece", vocab: ids(tokens), ...model },
  ...rest,
});
const encode = async (text: string) =>
  (await loadTokenizer(directory)).encode(text, { specialTokens: false }).tokens.join(" ");
const refused = async (code: string, ...parts: string[]) => {
  const error = await loadTokenizer(directory).then(
    () => new Error("expected an error, found none"),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ code });
  for (const part of parts) expect(error.message).toContain(part);
};

test("vocab.txt alone is an uncased model", async () => {
  write("vocab.txt", vocabularyText);
  expect(await encode("The films é")).toBe("the film ##s e");
  const tokenizer = await loadTokenizer(directory);
  expect(tokenizer.maxLength).toBe(Number.POSITIVE_INFINITY);
  expect(tokenizer.padId).toBe(0);
  expect(tokenizer.vocabulary).toEqual(tokens);
  expect(tokenizer.idOf("film")).toBe(9);
  expect(tokenizer.idOf("constructor")).toBeUndefined();
});

test("lines may end in CR LF, and the last one need not end", async () => {
  write("vocab.txt", tokens.join("\r\n"));
  expect((await loadTokenizer(directory)).vocabulary).toEqual(tokens);
});

test("tokenizer_config.json decides", async () => {
  write("vocab.txt", vocabularyText);
  writeJson("tokenizer.json", tokenizerJson({ lowercase: true }));
  writeJson("tokenizer_config.json", { do_lower_case: false, model_max_length: 512, strip_accents: null });
  expect(await encode("The é")).toBe("The é");
  expect((await loadTokenizer(directory)).maxLength).toBe(512);
  writeJson("tokenizer_config.json", { do_lower_case: true, strip_accents: false, model_max_length: 1e30 });
  expect(await encode("The É")).toBe("the é");
  expect((await loadTokenizer(directory)).maxLength).toBe(Number.POSITIVE_INFINITY);
  writeJson("tokenizer_config.json", { tokenize_chinese_chars: false });
  expect(await encode("中film")).toBe("[UNK]");
});

test("tokenizer.json tells what tokenizer_config.json does not", async () => {
  write("vocab.txt", vocabularyText);
  writeJson("tokenizer.json", tokenizerJson({ lowercase: false, strip_accents: true, handle_chinese_chars: false }));
  expect(await encode("The é")).toBe("The e");
});

test("tokenizer.json has the vocabulary where there is no vocab.txt", async () => {
  const added = [{ id: tokens.length - 1, content: "<E1>" }];
  const { "<E1>": _, ...vocab } = ids(tokens);
  writeJson("tokenizer.json", tokenizerJson({ lowercase: true }, { vocab }, { added_tokens: added }));
  expect((await loadTokenizer(directory)).vocabulary).toEqual(tokens);
  expect(await encode("The<E1>film")).toBe("the <E1> film");
});

test("no vocabulary", async () => {
  await refused("ERR_FILE", directory, "vocab.txt", "tokenizer.json");
});

test("a vocabulary that is none", async () => {
  write("vocab.txt", "");
  await refused("ERR_VOCABULARY", join(directory, "vocab.txt"), "no token at all");
  write("vocab.txt", "hello\nworld\n");
  await refused("ERR_VOCABULARY", join(directory, "vocab.txt"), "[PAD]", '"hello"');
  write("vocab.txt", `${vocabularyText}film\n`);
  await refused("ERR_VOCABULARY", '"film" for ids 9 and 13');
  write("vocab.txt", new Uint8Array([0xff, 0xfe, 0x41]));
  await refused("ERR_VOCABULARY", "UTF-8");
});

test("a tokenizer.json of another kind, or a lying one", async () => {
  const cases: [unknown, string][] = [
    [[], "JSON object"],
    [{}, "model"],
    [tokenizerJson({}, { type: "BPE" }), "BPE"],
    [tokenizerJson({}, { continuing_subword_prefix: "@@" }), "@@"],
    [tokenizerJson({}, { vocab: { ...ids(tokens), film: 1e12 } }), '"film"'],
    [tokenizerJson({}, { vocab: { ...ids(tokens), film: 3 } }), "[SEP]"],
    [tokenizerJson({}, { vocab: { ...ids(tokens), film: "9" } }), '"film"'],
    [tokenizerJson({}, {}, { added_tokens: {} }), "added_tokens"],
    [tokenizerJson({}, {}, { added_tokens: [{ id: 3 }] }), "added_tokens[0].content"],
  ];
  for (const [json, part] of cases) {
    writeJson("tokenizer.json", json);
    await refused("ERR_VOCABULARY", join(directory, "tokenizer.json"), part);
  }
  write("tokenizer.json", '{"model":');
  await refused("ERR_VOCABULARY", "expected JSON");
});

test("a setting of the wrong type", async () => {
  write("vocab.txt", vocabularyText);
  for (const [name, value] of Object.entries({ do_lower_case: "no", model_max_length: -1, strip_accents: 1 })) {
    writeJson("tokenizer_config.json", { [name]: value });
    await refused("ERR_CONFIG", join(directory, "tokenizer_config.json"), name, String(value));
  }
});
