/** Byte-level BPE against the package that its pieces come from, with the special tokens and the offsets that are added here. */
import { Tokenizer as Oracle } from "@huggingface/tokenizers";
import { expect, it } from "vitest";
import { loadTokenizer } from "../../bert/tokenizer/load.ts";
import { Random } from "../../engine/random.ts";
import { byteLevelJson as json } from "../support/byte-level-json.ts";
import { refused } from "../support/spoiled-model.ts";

const files = (changes: object = {}) => ({
  "tokenizer.json": new TextEncoder().encode(JSON.stringify({ ...json, ...changes })),
});

const texts = [
  "a good film",
  " film  good",
  "",
  "café é",
  "😀film 日本",
  "good<mask>film",
  "\n\tgood \u0000",
  "x".repeat(50),
];

it("ids are the package's, for a text and for a pair", async () => {
  const tokenizer = await loadTokenizer(files());
  const oracle = new Oracle(json, {});
  for (const text of texts) {
    expect(tokenizer.encode(text).ids, JSON.stringify(text)).toEqual(oracle.encode(text).ids);
    const pair = tokenizer.encode([text, "good"]);
    expect(pair.ids).toEqual(oracle.encode(text, { text_pair: "good" }).ids);
    expect(tokenizer.decode(pair.ids, { skipSpecialTokens: true })).toContain("good");
  }
  expect([tokenizer.padId, tokenizer.idOf("<mask>"), tokenizer.idOf("nowhere")]).toEqual([1, 4, undefined]);
});

it("a long text is not read to its end, and its first tokens are the same", async () => {
  const tokenizer = await loadTokenizer(files());
  const random = new Random(8);
  const words = ["a", "good", "film", "é", "日本", "<mask>", "fi-lm", "\n", ""];
  for (let i = 0; i < 50; i++) {
    const long = Array.from({ length: 400 }, () => words[random.integer(words.length)]).join(" ");
    const maxLength = 4 + random.integer(12);
    for (const text of [long, [long, "good film"], [long, long]] as const) {
      const whole = tokenizer.encode(text);
      const cut = tokenizer.encode(text, { maxLength });
      expect(cut.truncated).toBe(true);
      expect(cut.ids).toHaveLength(maxLength);
      if (typeof text !== "string") continue;
      expect(cut.ids.slice(0, -1)).toEqual(whole.ids.slice(0, maxLength - 1));
      expect(cut.offsets.slice(0, -1)).toEqual(whole.offsets.slice(0, maxLength - 1));
    }
  }
  const words3M = "good film ".repeat(300_000);
  expect(tokenizer.encode(words3M, { maxLength: 8 }).ids).toEqual(
    tokenizer.encode("good film ".repeat(9), { maxLength: 8 }).ids,
  );
});

it("every piece is at its place: its bytes are those of the text there", async () => {
  const tokenizer = await loadTokenizer(files());
  const { tokens: pieces, offsets } = tokenizer.encode("a good film");
  expect(pieces).toEqual(["<s>", "a", "Ġgood", "Ġfilm", "</s>"]);
  expect(offsets).toEqual([
    [0, 0],
    [0, 1],
    [2, 6],
    [7, 11],
    [0, 0],
  ]);
  const masked = tokenizer.encode("good<mask> film");
  expect(masked.offsets[masked.tokens.indexOf("<mask>")]).toEqual([4, 10]);
  expect(masked.offsets[masked.tokens.indexOf("Ġfilm")]).toEqual([11, 15]);
  const random = new Random(3);
  const alphabet = [..."abfilmgood \n.é日😀\u0301"];
  for (let i = 0; i < 200; i++) {
    const text = Array.from({ length: random.integer(20) }, () => alphabet[random.integer(alphabet.length)]).join("");
    const encoding = tokenizer.encode(text);
    let reached = 0;
    for (const [start, end] of encoding.offsets.slice(1, -1)) {
      expect(start).toBeLessThanOrEqual(end);
      expect(end).toBeLessThanOrEqual(text.length);
      expect(end).toBeGreaterThanOrEqual(reached);
      expect(text.slice(reached, start).trim()).toBe("");
      reached = Math.max(reached, end);
    }
    expect(text.slice(reached).trim()).toBe("");
  }
});

it("cuts as asked, and says so", async () => {
  const tokenizer = await loadTokenizer(files());
  const cut = tokenizer.encode(["a good film", "good"], { maxLength: 6 });
  expect([cut.ids.length, cut.truncated]).toEqual([6, true]);
  expect(cut.segments).toEqual([0, 0, 0, 1, 1, 1]);
  expect(tokenizer.encode("good", { specialTokens: false }).tokens).toEqual(["good"]);
});

it("refuses what it would compute otherwise", async () => {
  await refused(loadTokenizer(files({ normalizer: { type: "NFC" } })), "ERR_VOCABULARY", "normalizer");
  await refused(loadTokenizer(files({ pre_tokenizer: { type: "Metaspace" } })), "ERR_VOCABULARY", "pre_tokenizer");
  await refused(loadTokenizer(files({ post_processor: null })), "ERR_VOCABULARY", "post_processor");
  const bare = files({ added_tokens: [], model: { ...json.model, vocab: { a: 0 }, merges: [] } });
  await refused(loadTokenizer(bare), "ERR_VOCABULARY", "<s>");
});

const model = (changes: object) => ({ model: { ...json.model, ...changes } });
const added = (changes: object) => ({
  added_tokens: [{ ...json.added_tokens[0], ...changes }, ...json.added_tokens.slice(1)],
});

it.each([
  [model({ vocab: { ...json.model.vocab, film: "7" } }), "film"],
  [model({ vocab: { ...json.model.vocab, film: 1e9 } }), "film"],
  [model({ vocab: { ...json.model.vocab, film: 0.5 } }), "film"],
  [model({ vocab: [] }), "model.vocab"],
  [model({ merges: ["f i", 7] }), "model.merges"],
  [model({ merges: "f i" }), "model.merges"],
  [model({ merges: [["f", "i"], "l m"] }), "model.merges"],
  [model({ unk_token: 3 }), "model.unk_token"],
  [model({ end_of_word_suffix: "</w>" }), "end_of_word_suffix"],
  [model({ byte_fallback: 1 }), "byte_fallback"],
  [added({ content: "" }), "added_tokens[0].content"],
  [added({ content: 7 }), "added_tokens[0].content"],
  [added({ id: -1 }), '"<s>"'],
  [added({ lstrip: "yes" }), "added_tokens[0].lstrip"],
  [{ added_tokens: {} }, "added_tokens"],
  [{ pre_tokenizer: { ...json.pre_tokenizer, add_prefix_space: "no" } }, "add_prefix_space"],
])("refuses %.60j before the package sees it", async (changes, part) => {
  await expect(loadTokenizer(files(changes))).rejects.toMatchObject({
    code: expect.stringMatching(/^ERR_(VOCABULARY|CONFIG)$/),
    message: expect.stringContaining(part),
  });
});

it("nothing decodes to nothing", async () => {
  expect((await loadTokenizer(files())).decode([])).toBe("");
});
