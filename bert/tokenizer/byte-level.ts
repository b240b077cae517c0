/**
 * Byte-level BPE (RoBERTa's): the pieces come from `@huggingface/tokenizers`, an optional package; special tokens, truncation and the
 * offsets, which it does not give, are added here. A piece spells its bytes, so its place in the text is found by counting them.
 * Source: https://huggingface.co/docs/tokenizers/api/pre-tokenizers (ByteLevel)
 */
import { refuseUnknown, TaperError } from "../../engine/errors.ts";
import type { ByteLevelJson } from "./byte-level-json.ts";
import { budgetOf, type Sequence, textsOf, truncateLongestFirst } from "./pairs.ts";

import type { EncodeOptions, Encoding, Tokenizer } from "./tokenizer.ts";

/** The parts of the package that are used. */
interface Pieces {
  tokenize(text: string, options: { add_special_tokens: boolean }): string[];
  token_to_id(token: string): number | undefined;
  decode(ids: number[], options: { skip_special_tokens: boolean }): string;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
}

/**
 * A tokenizer from a parsed `tokenizer.json`. `maxLength` as in `createTokenizer`.
 * @throws TaperError ERR_FILE if `@huggingface/tokenizers` is not installed; ERR_VOCABULARY if the vocabulary cannot work
 */
export async function createByteLevelTokenizer(
  json: ByteLevelJson,
  maxLength: number,
  where: string,
): Promise<Tokenizer> {
  const library = await loadLibrary(where);
  try {
    return new ByteLevelTokenizer(new library.Tokenizer(json.json, {}), json, maxLength, where);
  } catch (error) {
    if (error instanceof TaperError) throw error;
    const { message } = error as Error;
    throw new TaperError("ERR_VOCABULARY", `${where} cannot be used: ${message}`, { cause: error });
  }
}

async function loadLibrary(where: string): Promise<typeof import("@huggingface/tokenizers")> {
  try {
    // In a try block, so that bundlers build without the package where nobody has installed it.
    return await import("@huggingface/tokenizers");
  } catch (error) {
    throw new TaperError(
      "ERR_FILE",
      `${where}: byte-level BPE needs the package @huggingface/tokenizers, which could not be loaded (${(error as Error).message}); install it.`,
      { cause: error },
    );
  }
}

class ByteLevelTokenizer implements Tokenizer {
  readonly maxLength: number;
  readonly vocabulary: readonly string[];
  readonly padId: number;
  readonly #pieces: Pieces;
  readonly #json: ByteLevelJson;
  readonly #classify: number;
  readonly #separate: number;
  /** Of all pieces: UTF-16 units, as many as the bytes that it spells. */
  readonly #longest: number;

  constructor(pieces: Pieces, json: ByteLevelJson, maxLength: number, where: string) {
    this.#pieces = pieces;
    this.#json = json;
    this.maxLength = maxLength;
    const vocabulary: string[] = [];
    for (const [token, id] of pieces.get_vocab(true)) vocabulary[id] = token;
    this.vocabulary = Array.from(vocabulary, (token) => token ?? "");
    this.#longest = this.vocabulary.reduce((longest, token) => Math.max(longest, token.length), 1);
    const need = (token: string): number => {
      const id = pieces.token_to_id(token);
      if (id !== undefined) return id;
      throw new TaperError("ERR_VOCABULARY", `${where}: the vocabulary has no token "${token}".`);
    };
    this.#classify = need(json.classify);
    this.#separate = need(json.separate);
    this.padId = pieces.token_to_id("<pad>") ?? this.#separate;
  }

  idOf(token: string): number | undefined {
    return this.#pieces.token_to_id(token);
  }

  encode(text: string | readonly [string, string], options: EncodeOptions = {}): Encoding {
    refuseUnknown(options, ["pair", "specialTokens", "maxLength"], "encode");
    const [first, second] = textsOf(text, options.pair);
    const between = this.#json.separators;
    const specials = options.specialTokens === false ? 0 : second === undefined ? 2 : 2 + between;
    const budget = budgetOf(options.maxLength, specials);
    const a = this.#sequence(first, budget);
    const b = second === undefined ? undefined : this.#sequence(second, budget);
    const truncated = a.ids.length + (b?.ids.length ?? 0) > budget;
    if (truncated) truncateLongestFirst(a, b, budget);

    const ids: number[] = [];
    const offsets: [number, number][] = [];
    const segments: number[] = [];
    const put = (id: number, offset: [number, number], segment: number): void => {
      ids.push(id);
      offsets.push(offset);
      segments.push(segment);
    };
    const special = (id: number, segment: number): void => {
      if (specials > 0) put(id, [0, 0], segment);
    };
    special(this.#classify, 0);
    for (const [i, id] of a.ids.entries()) put(id, a.offsets[i], 0);
    special(this.#separate, 0);
    if (b !== undefined) {
      for (let i = 1; i < between; i++) special(this.#separate, 1);
      for (const [i, id] of b.ids.entries()) put(id, b.offsets[i], 1);
      special(this.#separate, 1);
    }
    return { ids, tokens: ids.map((id) => this.vocabulary[id]), offsets, segments, truncated };
  }

  decode(ids: ArrayLike<number>, options: { skipSpecialTokens?: boolean | undefined } = {}): string {
    refuseUnknown(options, ["skipSpecialTokens"], "decode");
    const list = Array.from(ids);
    if (list.length === 0) return "";
    const wrong = list.findIndex((id) => this.vocabulary[id] === undefined);
    if (wrong >= 0) {
      const range = `0 to ${this.vocabulary.length - 1}`;
      throw new TaperError(
        "ERR_INPUT",
        `decode: expected token ids from ${range}, found ${list[wrong]} at position ${wrong}.`,
      );
    }
    return this.#pieces.decode(list, { skip_special_tokens: options.skipSpecialTokens ?? false });
  }

  /** All tokens of a text; of a very long one at least `budget` of the first, and more than that. */
  #sequence(whole: string, budget: number): Sequence {
    const text = startOf(whole, (budget + 1) * this.#longest);
    const tokens = text === "" ? [] : this.#pieces.tokenize(text, { add_special_tokens: false });
    const unknown = this.#pieces.token_to_id("<unk>") ?? this.#separate;
    return {
      ids: tokens.map((token) => this.#pieces.token_to_id(token) ?? unknown),
      offsets: this.#offsetsOf(tokens, text),
    };
  }

  /** Where the tokens of a text are in it, without the white space before them. */
  #offsetsOf(tokens: readonly string[], text: string): [number, number][] {
    const units = unitOfByte(text);
    const bytes = units.length - 1;
    // What is put before a text is in no place of it.
    let at = this.#json.addsPrefixSpace && text !== "" && !/^\s/.test(text) ? -1 : 0;
    return tokens.map((token) => {
      if (this.#json.addedTokens.has(token)) {
        const found = text.indexOf(token, units[Math.max(0, at)]);
        const start = found < 0 ? units[Math.max(0, at)] : found;
        const end = start + (found < 0 ? 0 : token.length);
        while (at < bytes && units[Math.max(0, at)] < end) at++;
        return [start, end];
      }
      const from = Math.max(0, at);
      at = Math.min(bytes, at + token.length);
      const end = at > 0 && at < bytes && units[at] === units[at - 1] ? nextUnit(units, at) : units[Math.max(0, at)];
      let start = units[from];
      while (start < end && /\s/.test(text[start])) start++;
      return [start, end];
    });
  }
}

/**
 * At least `least` units of a text, up to where a word ends: no piece reaches from a word into the space after it, so the pieces of this
 * part are those of the whole. A million characters are not cut into pieces for the sake of the first 512.
 */
function startOf(text: string, least: number): string {
  if (text.length <= least) return text;
  const end = text.slice(least).search(/(?<=\S) /);
  return end < 0 ? text : text.slice(0, least + end);
}

/** For each byte of a text's UTF-8, and for its end: the UTF-16 unit at which its character starts. */
function unitOfByte(text: string): Uint32Array {
  // A unit has at most three bytes: a character of four has two units.
  const units = new Uint32Array(3 * text.length + 1);
  let byte = 0;
  for (let unit = 0; unit < text.length; ) {
    const code = text.codePointAt(unit) as number;
    const end = byte + (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
    units.fill(unit, byte, end);
    byte = end;
    unit += code < 0x10000 ? 1 : 2;
  }
  units[byte] = text.length;
  return units.subarray(0, byte + 1);
}

/** The end of the character that byte `at` is in the middle of. */
function nextUnit(units: Uint32Array, at: number): number {
  let next = at;
  while (units[next] === units[at]) next++;
  return units[next];
}
