/**
 * A WordPiece vocabulary: the checks that make it usable, and the greedy longest-match that cuts a word into pieces.
 * It knows nothing of texts, offsets and files.
 * Source: https://arxiv.org/abs/1609.08144, https://github.com/google-research/bert
 */

import { TaperError } from "../../engine/errors.ts";

/** Without these a BERT tokenizer cannot work. */
export const REQUIRED_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] as const;

/** Tokens that mean themselves wherever they are written in a text. */
export const SPECIAL_TOKENS = [...REQUIRED_TOKENS, "[MASK]"] as const;

/** A word of more characters (code points) than this is unknown as a whole, as in the original. */
const LONGEST_WORD = 100;
const CONTINUATION = "##";

/** The pieces of a word: `ids[i]` covers the units up to `ends[i]`, from the end of the piece before. */
export interface Pieces {
  readonly ids: readonly number[];
  readonly ends: readonly number[];
}

export class Vocabulary {
  readonly tokens: readonly string[];
  readonly pad: number;
  readonly unknown: number;
  readonly classify: number;
  readonly separate: number;
  readonly #ids = new Map<string, number>();
  /** Tokens that continue a word, without their "##". */
  readonly #continuations = new Map<string, number>();
  /** The longest token that can start, and that can continue, a word, in UTF-16 units: no longer match need be tried. */
  #longestStart = 0;
  #longestContinuation = 0;

  /**
   * @param tokens token of every id, in order
   * @param where the file, or another name, for error messages
   * @throws TaperError ERR_VOCABULARY if it is empty, has an empty or repeated token, or lacks a required one
   */
  constructor(tokens: readonly string[], where: string) {
    if (!Array.isArray(tokens) || tokens.length === 0) {
      throw refuse(where, "a token per line or entry, in the order of their ids", "no token at all");
    }
    this.tokens = tokens;
    for (let id = 0; id < tokens.length; id++) this.#add(tokens[id], id, where);
    const missing = REQUIRED_TOKENS.filter((token) => !this.#ids.has(token));
    if (missing.length > 0) {
      const first = tokens.slice(0, 3).map((token) => JSON.stringify(token.slice(0, 40)));
      throw refuse(
        where,
        `the tokens ${REQUIRED_TOKENS.join(", ")}`,
        `${tokens.length} tokens beginning ${first.join(", ")}, without ${missing.join(", ")}`,
      );
    }
    [this.pad, this.unknown, this.classify, this.separate] = REQUIRED_TOKENS.map((token) => this.#ids.get(token)!);
  }

  /** The id of a token, or undefined. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /**
   * Cuts a word into the longest pieces from the left, or answers undefined: the word is unknown as a whole.
   * Linear in the length of the word, for a given vocabulary.
   */
  pieces(word: string): Pieces | undefined {
    const whole = this.#ids.get(word);
    if (whole !== undefined) return { ids: [whole], ends: [word.length] };
    if (isLongerThan(word, LONGEST_WORD)) return undefined;
    const ids: number[] = [];
    const ends: number[] = [];
    let start = 0;
    while (start < word.length) {
      const table = start === 0 ? this.#ids : this.#continuations;
      const longest = start === 0 ? this.#longestStart : this.#longestContinuation;
      let end = Math.min(word.length, start + longest);
      let id: number | undefined;
      while (end > start) {
        id = table.get(word.slice(start, end));
        if (id !== undefined) break;
        end--;
      }
      if (id === undefined) return undefined;
      ids.push(id);
      ends.push(end);
      start = end;
    }
    return { ids, ends };
  }

  #add(token: string, id: number, where: string): void {
    if (typeof token !== "string" || token === "") {
      throw refuse(where, "a non-empty token for every id", `${JSON.stringify(token) ?? "nothing"} for id ${id}`);
    }
    const before = this.#ids.get(token);
    if (before !== undefined) {
      throw refuse(where, "every token once", `${JSON.stringify(token.slice(0, 40))} for ids ${before} and ${id}`);
    }
    this.#ids.set(token, id);
    this.#longestStart = Math.max(this.#longestStart, token.length);
    if (!token.startsWith(CONTINUATION)) return;
    const rest = token.slice(CONTINUATION.length);
    this.#continuations.set(rest, id);
    this.#longestContinuation = Math.max(this.#longestContinuation, rest.length);
  }
}

function refuse(where: string, expected: string, found: string): TaperError {
  return new TaperError(
    "ERR_VOCABULARY",
    `${where} is no WordPiece vocabulary: expected ${expected}; found ${found}. Use the vocabulary that came with the checkpoint.`,
  );
}

/** Whether a word has more than `limit` code points; looks at no more of it than needed. */
function isLongerThan(word: string, limit: number): boolean {
  if (word.length <= limit) return false;
  if (word.length > 2 * limit) return true;
  let count = 0;
  for (const _ of word) count++;
  return count > limit;
}
