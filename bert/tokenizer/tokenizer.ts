/**
 * WordPiece tokenisation of texts and pairs of texts, as Hugging Face's fast BERT tokenizer does it, with character
 * offsets into the original text. Any string is valid. No file access: `createTokenizer` also runs in browsers.
 */

import { refuseUnknown, TaperError } from "../../engine/errors.ts";
import { CharacterTable } from "./characters.ts";
import { decodePieces } from "./decode.ts";
import { budgetOf, type Sequence, textsOf, truncateLongestFirst } from "./pairs.ts";
import { SPECIAL_TOKENS, Vocabulary } from "./vocabulary.ts";
import { eachWord, type Word } from "./words.ts";

/** A vocabulary and the rules that texts are cut by. */
export interface TokenizerOptions {
  /** The token of every id, in order; must hold [PAD], [UNK], [CLS] and [SEP]. */
  vocabulary: readonly string[];
  /** Lowercase the text; default true (an "uncased" model). */
  lowercase?: boolean | undefined;
  /** Strip accents; default: as `lowercase`. */
  stripAccents?: boolean | undefined;
  /** Make every Chinese ideograph a word of its own; default true. */
  isolateIdeographs?: boolean | undefined;
  /** The length the model was made for, in tokens with the special ones; default no limit. Shown, not applied. */
  maxLength?: number | undefined;
  /** Further tokens of the vocabulary that mean themselves wherever a text has them, as [MASK] does. */
  addedTokens?: readonly string[] | undefined;
  /** The name of the vocabulary in error messages; default "the vocabulary". */
  where?: string | undefined;
}

/** What `encode` does beside tokenising a text. */
export interface EncodeOptions {
  /** The second text of a pair. */
  pair?: string | undefined;
  /** Put [CLS] before and [SEP] after each text; default true. */
  specialTokens?: boolean | undefined;
  /** The most tokens to return, special tokens included; default no limit. A pair loses from its longer text first. */
  maxLength?: number | undefined;
}

/** A text as tokens; all five lists have the same length, but for the flag. */
export interface Encoding {
  /** What the model reads; all lists here are as long. */
  readonly ids: number[];
  /** The same as pieces of text, as the vocabulary spells them. */
  readonly tokens: string[];
  /** [start, end) in UTF-16 units of the text that the token's segment came from; [0, 0] for special tokens put in. */
  readonly offsets: [start: number, end: number][];
  /** 0 for the first text and the special tokens around it, 1 for the second and its [SEP]. */
  readonly segments: number[];
  /** Whether `maxLength` cut something off. */
  readonly truncated: boolean;
}

/** What a model reads of an encoding. */
export type TokenIds = Pick<Encoding, "ids" | "segments">;

/** From texts to token ids with their places, and back. Made by `createTokenizer` or `loadTokenizer`. */
export interface Tokenizer {
  /** The token of every id. */
  readonly vocabulary: readonly string[];
  /** The length the model was made for (Infinity if unknown); pass it as `maxLength` to apply it. */
  readonly maxLength: number;
  /** The id to pad with. */
  readonly padId: number;
  /** The id of a token, or undefined. */
  idOf(token: string): number | undefined;
  /**
   * Tokenises a text, or a pair of texts (`[first, second]`, or `pair` in the options).
   * @throws TaperError ERR_INPUT if a text is no string; ERR_OPTION for an unknown option or an impossible `maxLength`
   */
  encode(text: string | readonly [first: string, second: string], options?: EncodeOptions): Encoding;
  /**
   * The text of token ids, as far as it can be known: lowercased, spaces guessed.
   * @throws TaperError ERR_INPUT for an id outside the vocabulary
   */
  decode(ids: ArrayLike<number>, options?: { skipSpecialTokens?: boolean | undefined }): string;
}

/**
 * A tokenizer from a vocabulary in memory.
 * @throws TaperError ERR_VOCABULARY if the vocabulary cannot work; ERR_OPTION for an unknown option
 */
export function createTokenizer(options: TokenizerOptions): Tokenizer {
  const where = options.where ?? "the vocabulary";
  const known = [
    "vocabulary",
    "lowercase",
    "stripAccents",
    "isolateIdeographs",
    "maxLength",
    "addedTokens",
    "where",
  ] as const satisfies readonly (keyof TokenizerOptions)[];
  refuseUnknown(options, known, "createTokenizer");
  const vocabulary = new Vocabulary(options.vocabulary, where);
  const lowercase = options.lowercase ?? true;
  const characters = new CharacterTable({
    lowercase,
    stripAccents: options.stripAccents ?? lowercase,
    isolateIdeographs: options.isolateIdeographs ?? true,
  });
  const verbatim = [...SPECIAL_TOKENS, ...(options.addedTokens ?? [])].filter(
    (token) => vocabulary.idOf(token) !== undefined,
  );
  return new WordPieceTokenizer(vocabulary, characters, verbatim, options.maxLength ?? Number.POSITIVE_INFINITY);
}

class WordPieceTokenizer implements Tokenizer {
  readonly maxLength: number;
  readonly #vocabulary: Vocabulary;
  readonly #characters: CharacterTable;
  readonly #verbatim: RegExp;
  readonly #special: ReadonlySet<string>;

  constructor(vocabulary: Vocabulary, characters: CharacterTable, verbatim: readonly string[], maxLength: number) {
    this.#vocabulary = vocabulary;
    this.#characters = characters;
    this.#special = new Set(verbatim);
    // The longest first, so that of two tokens that begin alike the longer one is found.
    const longestFirst = [...verbatim].sort((a, b) => b.length - a.length);
    this.#verbatim = new RegExp(longestFirst.map((t) => t.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|"), "g");
    this.maxLength = maxLength;
  }

  get vocabulary(): readonly string[] {
    return this.#vocabulary.tokens;
  }

  get padId(): number {
    return this.#vocabulary.pad;
  }

  idOf(token: string): number | undefined {
    return this.#vocabulary.idOf(token);
  }

  encode(text: string | readonly [string, string], options: EncodeOptions = {}): Encoding {
    refuseUnknown(options, ["pair", "specialTokens", "maxLength"], "encode");
    const [first, second] = textsOf(text, options.pair);
    const specials = options.specialTokens === false ? 0 : second === undefined ? 2 : 3;
    const budget = budgetOf(options.maxLength, specials);

    // One token too many is enough to know that a text is cut; of a pair, both lengths decide who is.
    const a = this.#sequence(first, second === undefined ? budget + 1 : Number.POSITIVE_INFINITY);
    const b = second === undefined ? undefined : this.#sequence(second, Number.POSITIVE_INFINITY);
    const truncated = a.ids.length + (b?.ids.length ?? 0) > budget;
    if (truncated) truncateLongestFirst(a, b, budget);

    const { classify, separate } = this.#vocabulary;
    const ids: number[] = [];
    const offsets: [number, number][] = [];
    const segments: number[] = [];
    const put = (id: number, offset: [number, number], segment: number) => {
      ids.push(id);
      offsets.push(offset);
      segments.push(segment);
    };
    if (specials > 0) put(classify, [0, 0], 0);
    for (const [segment, sequence] of [a, b].entries()) {
      if (sequence === undefined) continue;
      for (let i = 0; i < sequence.ids.length; i++) put(sequence.ids[i], sequence.offsets[i], segment);
      if (specials > 0) put(separate, [0, 0], segment);
    }
    const tokens = ids.map((id) => this.#vocabulary.tokens[id]);
    return { ids, tokens, offsets, segments, truncated };
  }

  decode(ids: ArrayLike<number>, options: { skipSpecialTokens?: boolean | undefined } = {}): string {
    refuseUnknown(options, ["skipSpecialTokens"], "decode");
    const { tokens } = this.#vocabulary;
    const pieces: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const token = tokens[ids[i]];
      if (token === undefined) {
        const range = `0 to ${tokens.length - 1}`;
        throw new TaperError(
          "ERR_INPUT",
          `decode: expected token ids from ${range}, found ${ids[i]} at position ${i}.`,
        );
      }
      if (!options.skipSpecialTokens || !this.#special.has(token)) pieces.push(token);
    }
    return decodePieces(pieces);
  }

  /** The pieces of one text, at most `limit` of them. */
  #sequence(text: string, limit: number): Sequence {
    const sequence: Sequence = { ids: [], offsets: [] };
    const { ids, offsets } = sequence;
    const take = (word: Word): boolean => {
      this.#pushPieces(word, ids, offsets);
      return ids.length < limit;
    };
    // Tokens written out in the text are looked for first, so that no rule below can change or cut them.
    let from = 0;
    for (const match of text.matchAll(this.#verbatim)) {
      if (ids.length >= limit) break;
      eachWord(text, from, match.index, this.#characters, take);
      from = match.index + match[0].length;
      ids.push(this.#vocabulary.idOf(match[0])!);
      offsets.push([match.index, from]);
    }
    if (ids.length < limit) eachWord(text, from, text.length, this.#characters, take);
    return sequence;
  }

  #pushPieces(word: Word, ids: number[], offsets: [number, number][]): void {
    const { normalised } = word;
    const pieces = this.#vocabulary.pieces(normalised);
    if (pieces === undefined) {
      ids.push(this.#vocabulary.unknown);
      offsets.push([word.startOf(0), word.endOf(normalised.length - 1)]);
      return;
    }
    let start = 0;
    for (let i = 0; i < pieces.ids.length; i++) {
      const end = pieces.ends[i];
      ids.push(pieces.ids[i]);
      offsets.push([word.startOf(start), word.endOf(end - 1)]);
      start = end;
    }
  }
}
