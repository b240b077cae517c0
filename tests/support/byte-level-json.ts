/** A `tokenizer.json` of byte-level BPE with all bytes, a few merges and RoBERTa's special tokens. */

/** The printable characters that stand for the 256 bytes. */
function byteCharacters(): string[] {
  const isPrintable = (b: number): boolean => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(isPrintable(b) ? b : next++));
}

const merges = ["f i", "l m", "fi lm", "Ġ film", "g o", "o d", "go od", "Ġ good", "Ã ©"];
const special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];

export const byteLevelTokens: readonly string[] = [
  ...special,
  ...byteCharacters(),
  ...merges.map((merge) => merge.replace(" ", "")),
];

export const byteLevelJson = {
  added_tokens: special.map((content, id) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  })),
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: {
    ...{ type: "RobertaProcessing", sep: ["</s>", 2], cls: ["<s>", 0] },
    ...{ trim_offsets: true, add_prefix_space: false },
  },
  decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: { type: "BPE", vocab: Object.fromEntries(byteLevelTokens.map((token, id) => [token, id])), merges },
};
