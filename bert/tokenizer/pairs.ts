/** What tokenizers of every kind do with one text or two: which they are, how many tokens they may have, who gives some up. */
import { show, TaperError } from "../../engine/errors.ts";

/** The tokens of one text. */
export interface Sequence {
  ids: number[];
  offsets: [number, number][];
}

/** Throws ERR_INPUT unless this is what a tokenizer takes, a text or two to be read together; `where` begins the message. */
export function checkText(text: unknown, where: string): string | readonly [string, string] {
  const isPair = Array.isArray(text) && text.length === 2 && text.every((one) => typeof one === "string");
  if (typeof text === "string" || isPair) return text as string | [string, string];
  throw new TaperError("ERR_INPUT", `${where}: expected a text or a pair of texts, found ${show(text)}.`);
}

/** The one or two texts of a call. Throws ERR_INPUT if one is no string. */
export function textsOf(
  text: string | readonly [string, string],
  pair: string | undefined,
): [string, string | undefined] {
  let texts: readonly (string | undefined)[] = [text as string, pair];
  if (typeof text !== "string" && Array.isArray(text) && pair === undefined && text.length === 2) texts = text;
  const [first, second] = texts;
  if (typeof first !== "string" || (second !== undefined && typeof second !== "string")) {
    const found = Array.isArray(text)
      ? `an array of ${text.length}${pair === undefined ? "" : " and a pair"}`
      : typeof text;
    throw new TaperError(
      "ERR_INPUT",
      `encode: expected a string or a pair [first, second] of strings, found ${found}.`,
    );
  }
  return [first, second];
}

/** The tokens that are left for texts. Throws ERR_OPTION if there is not even room for the special ones. */
export function budgetOf(maxLength: number | undefined, specials: number): number {
  if (maxLength === undefined || maxLength === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  if (!Number.isInteger(maxLength) || maxLength < specials) {
    throw new TaperError(
      "ERR_OPTION",
      `encode: maxLength: expected an integer of at least ${specials}, the special tokens alone; found ${maxLength}.`,
    );
  }
  return maxLength - specials;
}

/** Shortens one or both texts to `budget` tokens together: the longer gives first, and at a tie both end up even. */
export function truncateLongestFirst(a: Sequence, b: Sequence | undefined, budget: number): void {
  const [shorter, longer] = b === undefined ? [undefined, a] : a.ids.length > b.ids.length ? [b, a] : [a, b];
  const short = shorter === undefined ? 0 : Math.min(shorter.ids.length, Math.floor(budget / 2));
  if (shorter !== undefined) cut(shorter, short);
  cut(longer, budget - short);
}

function cut(sequence: Sequence, length: number): void {
  sequence.ids.length = length;
  sequence.offsets.length = length;
}
