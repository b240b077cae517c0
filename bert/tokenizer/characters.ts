/**
 * What BERT's basic tokenisation does with one character: drop it, break at it, isolate it, or turn it into others.
 * Every rule looks at a single code point, as in Hugging Face's fast tokenizer, so Greek capital sigma becomes σ at the
 * end of a word too. It knows nothing of words or vocabularies.
 * Source: https://github.com/huggingface/tokenizers/blob/main/tokenizers/src/normalizers/bert.rs
 */

/** The character belongs to a word as it is. */
export const PLAIN = 1;
/** An ASCII capital that is lowercased: one unit stays one unit. */
export const CAPITAL = 2;
/** White space: ends a word. */
export const SPACE = 3;
/** Control, format, private-use and replacement characters, lone surrogates, stripped accents: vanish without ending a word. */
export const DROPPED = 4;
/** Punctuation: a word of its own. */
export const PUNCTUATION = 5;
/** A Chinese ideograph: a word of its own. */
export const IDEOGRAPH = 6;
/** A character that `rewritten` turns into others. */
export const REWRITTEN = 7;

export interface CharacterRules {
  /** Lowercase every character. */
  readonly lowercase: boolean;
  /** Decompose (NFD) and drop nonspacing marks. */
  readonly stripAccents: boolean;
  /** Make every Chinese ideograph a word of its own. */
  readonly isolateIdeographs: boolean;
}

/** Code points of the basic plane, where nearly all of any text is. */
const BASIC = 0x10000;
const NOT_TEXT = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u;
const WHITE_SPACE = /\p{White_Space}/u;
const PUNCTUATION_MARK = /[\p{P}!-/:-@[-`{-~]/u;
const NONSPACING_MARKS = /\p{Mn}/gu;

/** The blocks that BERT calls Chinese; Hangul, Hiragana and Katakana are written in words and are not among them. */
const IDEOGRAPH_RANGES = [
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0x2f800, 0x2fa1f],
] as const;

/** The rules as a table that fills itself, looked up once per character of a text: a byte for each code point of the basic plane. */
export class CharacterTable {
  readonly #rules: CharacterRules;
  readonly #kinds = new Uint8Array(BASIC);
  readonly #beyond = new Map<number, number>();
  readonly #rewritten = new Map<number, string>();

  constructor(rules: CharacterRules) {
    this.#rules = rules;
  }

  /** The kind of a code point: one of the constants above. */
  kind(codePoint: number): number {
    return (codePoint < BASIC ? this.#kinds[codePoint] : this.#beyond.get(codePoint)) || this.#learn(codePoint);
  }

  /** What a character becomes; itself unless a rule changes it. */
  rewritten(codePoint: number): string {
    return this.#rewritten.get(codePoint) ?? String.fromCodePoint(codePoint);
  }

  #learn(codePoint: number): number {
    const character = String.fromCodePoint(codePoint);
    const result = this.#rewrite(character);
    if (result !== character) this.#rewritten.set(codePoint, result);
    const kind = this.#classify(codePoint, character, result);
    if (codePoint < BASIC) this.#kinds[codePoint] = kind;
    else this.#beyond.set(codePoint, kind);
    return kind;
  }

  #classify(codePoint: number, character: string, result: string): number {
    if (character === "\t" || character === "\n" || character === "\r") return SPACE;
    if (codePoint === 0xfffd || NOT_TEXT.test(character)) return DROPPED;
    if (WHITE_SPACE.test(character)) return SPACE;
    if (this.#rules.isolateIdeographs && isIdeograph(codePoint)) return IDEOGRAPH;
    if (result === "") return DROPPED;
    if (result !== character) return codePoint < 0x80 ? CAPITAL : REWRITTEN;
    return isPunctuation(character) ? PUNCTUATION : PLAIN;
  }

  #rewrite(character: string): string {
    const { lowercase, stripAccents } = this.#rules;
    const bare = stripAccents ? character.normalize("NFD").replace(NONSPACING_MARKS, "") : character;
    return lowercase ? Array.from(bare, (c) => c.toLowerCase()).join("") : bare;
  }
}

/** Whether a character is punctuation to BERT: Unicode's categories P, and every ASCII sign that is no letter or digit. */
export function isPunctuation(character: string): boolean {
  return PUNCTUATION_MARK.test(character);
}

function isIdeograph(codePoint: number): boolean {
  return IDEOGRAPH_RANGES.some(([first, last]) => codePoint >= first && codePoint <= last);
}
