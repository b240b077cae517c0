/**
 * Truecasing: the case of each word of a text that is read in lower case. The labels are the text's own letters, so any text with
 * capitals is data, and no bag of words can answer. What has no case (digits, punctuation, most scripts) is not asked.
 */
import type { Encoding, Tokenizer } from "../bert/tokenizer/tokenizer.ts";

/** Labels in the order of their ids. A single capital letter is a Title. */
export const caseNames = ["lower", "Title", "UPPER", "mixed"] as const;

/** Not asked: no letter with a case, or not a word's first piece. */
export const noCase = -1;

/** The id of a word's case; −1 if none of its letters has one. */
export function caseOf(word: string): number {
  let letters = 0;
  let capitals = 0;
  let isFirst = false;
  for (const letter of word) {
    const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
    if (lower === upper) continue;
    letters++;
    if (letter === lower) continue;
    capitals++;
    if (letters === 1) isFirst = true;
  }
  if (letters === 0) return noCase;
  if (capitals === 0) return 0;
  if (isFirst && capitals === 1) return 1;
  return capitals === letters ? 2 : 3;
}

/** The text in lower case, at the same UTF-16 indices: a letter whose lower case is longer stays as it is. */
export function lowered(text: string): string {
  let all = "";
  for (const letter of text) {
    const lower = letter.toLowerCase();
    all += lower.length === letter.length ? lower : letter;
  }
  return all;
}

export interface CasedText {
  readonly encoding: Encoding;
  /** One for each token: the id of its word's case, or −1. */
  readonly tags: readonly number[];
}

/** Tokenises the text in lower case; a word's first piece gets the case that the whole word had. */
export function readCases(text: string, tokenizer: Pick<Tokenizer, "encode">, maxLength: number): CasedText {
  const encoding = tokenizer.encode(lowered(text), { maxLength });
  const { tokens, offsets } = encoding;
  const tags = new Array<number>(tokens.length).fill(noCase);
  for (let i = 0; i < tokens.length; i++) {
    const [start, end] = offsets[i];
    if (start === end || tokens[i].startsWith("##")) continue;
    let last = end;
    for (let j = i + 1; j < tokens.length && tokens[j].startsWith("##"); j++) last = offsets[j][1];
    tags[i] = caseOf(text.slice(start, last));
  }
  return { encoding, tags };
}
