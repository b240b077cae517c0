/**
 * A `tokenizer.json` of byte-level BPE. All that the package which makes the pieces will read is checked here, because it checks nothing:
 * what is of another type would fail in the middle of a text, and what means something else would give other tokens.
 * Source: https://huggingface.co/docs/tokenizers/api/models (BPE)
 */
import { flag, isObject, type JsonObject, objectAt, parseObject, wrong } from "./parse.ts";

/** What byte-level BPE needs to know of a tokenizer.json; the pieces are the package's affair. */
export interface ByteLevelJson {
  readonly json: object;
  readonly classify: string;
  readonly separate: string;
  /** How many of them stand between two texts. */
  readonly separators: number;
  readonly addsPrefixSpace: boolean;
  readonly addedTokens: ReadonlySet<string>;
}

const code = "ERR_VOCABULARY";

/** A tokenizer.json of byte-level BPE, or undefined if its model is another. Throws ERR_VOCABULARY for BPE of another kind. */
export function parseByteLevelJson(bytes: Uint8Array, where: string): ByteLevelJson | undefined {
  const json = parseObject(bytes, where, code);
  const model = objectAt(json.model, where, "model");
  if (model.type !== "BPE") return undefined;
  const { pre_tokenizer: before, normalizer, post_processor: after } = json;
  if (!isObject(before) || before.type !== "ByteLevel") {
    throw wrong(code, where, "pre_tokenizer", 'type "ByteLevel", as its model is BPE', before);
  }
  if (normalizer !== undefined && normalizer !== null) throw wrong(code, where, "normalizer", "none", normalizer);
  const kinds: unknown[] = ["RobertaProcessing", "BertProcessing"];
  if (!isObject(after) || !kinds.includes(after.type)) {
    throw wrong(code, where, "post_processor", 'type "RobertaProcessing"', after);
  }
  const special = (name: "cls" | "sep"): string => {
    const pair = after[name];
    if (Array.isArray(pair) && typeof pair[0] === "string") return pair[0];
    throw wrong(code, where, `post_processor.${name}`, "a token and its id", pair);
  };
  flag(before.use_regex, where, "pre_tokenizer.use_regex");
  checkModel(model, where);
  return {
    json,
    classify: special("cls"),
    separate: special("sep"),
    separators: after.type === "RobertaProcessing" ? 2 : 1,
    addsPrefixSpace: flag(before.add_prefix_space, where, "pre_tokenizer.add_prefix_space") === true,
    addedTokens: checkTokens(json.added_tokens, model, where),
  };
}

function checkModel(model: JsonObject, where: string): void {
  const { merges, unk_token: unknown } = model;
  const isPair = (merge: unknown): boolean =>
    Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
  const isMerge = (merge: unknown): boolean => typeof merge === "string" && merge.includes(" ");
  // The package looks at the first one to know how all are written.
  if (!Array.isArray(merges) || !(merges.every(isMerge) || merges.every(isPair))) {
    throw wrong(code, where, "model.merges", "a list of pairs of strings", merges);
  }
  if (unknown !== undefined && unknown !== null && typeof unknown !== "string") {
    throw wrong(code, where, "model.unk_token", "a token", unknown);
  }
  for (const name of ["continuing_subword_prefix", "continuing_subword_suffix", "end_of_word_suffix"]) {
    const affix = model[name];
    if (affix !== undefined && affix !== null && affix !== "") throw wrong(code, where, `model.${name}`, "none", affix);
  }
  for (const name of ["byte_fallback", "ignore_merges"]) flag(model[name], where, `model.${name}`);
}

/** The added tokens. An id may be missing, but a vocabulary has no more places than twice its tokens. */
function checkTokens(added: unknown, model: JsonObject, where: string): Set<string> {
  const vocabulary = Object.entries(objectAt(model.vocab, where, "model.vocab"));
  if (!Array.isArray(added)) throw wrong(code, where, "added_tokens", "a list", added);
  const own = added.map((token, i): [string, unknown] => {
    const { content, id, ...settings } = objectAt(token, where, `added_tokens[${i}]`);
    if (typeof content !== "string" || content === "") {
      throw wrong(code, where, `added_tokens[${i}].content`, "a string", content);
    }
    for (const name of ["single_word", "lstrip", "rstrip", "normalized", "special"]) {
      flag(settings[name], where, `added_tokens[${i}].${name}`);
    }
    return [content, id];
  });
  const all = [...vocabulary, ...own];
  for (const [token, id] of all) {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < 2 * all.length) continue;
    const place = `the id of ${JSON.stringify(token.slice(0, 40))}`;
    throw wrong(code, where, place, `an integer from 0 to ${2 * all.length - 1}`, id);
  }
  return new Set(own.map(([content]) => content));
}
