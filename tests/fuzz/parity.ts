/**
 * Our WordPiece tokenizer against `@huggingface/tokenizers` on random texts. A difference has a cause if taking that cause out of the
 * text takes the difference away; the causes are those of docs/robustness.md, where each is decided.
 */
import { createTokenizer } from "../../bert/tokenizer/tokenizer.ts";
import { Random } from "../../engine/random.ts";
import { oracleOf, type Rule } from "../support/word-piece-oracle.ts";
import { pick } from "./mutate-json.ts";
import { randomText, textSorts } from "./texts.ts";

/** What the two do otherwise, and a text without it. */
const causes: readonly (readonly [name: string, without: (text: string) => string])[] = [
  ["Σ at the end of a word", (text) => text.replaceAll("Σ", "σ")],
  ["ideographs beyond U+FFFF", (text) => text.replace(/[\u{20000}-\u{3ffff}]/gu, "x")],
  ["marks in another order", (text) => text.replace(/\p{M}/gu, "")],
];

export interface Parity {
  readonly texts: number;
  readonly same: number;
  /** By cause: how many, and the first. */
  readonly differences: ReadonlyMap<string, { readonly count: number; readonly first: string }>;
}

export const rules: Readonly<Record<string, Rule>> = {
  uncased: { lowercase: true, stripAccents: undefined, isolateIdeographs: true },
  cased: { lowercase: false, stripAccents: undefined, isolateIdeographs: true },
};

/** A cased vocabulary has each word of the uncased one with a capital too. */
export function vocabularyFor(rule: Rule, uncased: readonly string[]): string[] {
  if (rule.lowercase) return [...uncased];
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
  return [...new Set([...uncased, ...uncased.filter((word) => /^[a-z]/.test(word)).map(capital)])];
}

export function parity(seed: number, texts: number, rule: Rule, uncased: readonly string[]): Parity {
  const vocabulary = vocabularyFor(rule, uncased);
  const ours = createTokenizer({ vocabulary, ...rule });
  const oracle = oracleOf(vocabulary, rule);
  const words = vocabulary.filter((word) => /^\p{L}/u.test(word));
  const agree = (text: string): boolean => {
    const { ids } = ours.encode(text);
    const expected = oracle.encode(text).ids;
    return ids.length === expected.length && ids.every((id, i) => id === expected[i]);
  };
  const causeOf = (text: string): string => {
    const alone = causes.find(([, without]) => agree(without(text)));
    if (alone !== undefined) return alone[0];
    const all = causes.reduce((left, [, without]) => without(left), text);
    return agree(all) ? "several of these" : "unexplained";
  };
  const differences = new Map<string, { count: number; first: string }>();
  let same = 0;
  for (let i = 0; i < texts; i++) {
    const random = new Random(`${seed}/parity/${i}`);
    const text = randomText(random, pick(random, textSorts.slice(0, -1)), words);
    if (agree(text)) {
      same++;
      continue;
    }
    const cause = causeOf(text);
    const known = differences.get(cause);
    differences.set(cause, { count: (known?.count ?? 0) + 1, first: known?.first ?? text });
  }
  return { texts, same, differences };
}
