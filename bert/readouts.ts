/** From the last states or logits of tokens to what people ask for: spans, tags, one vector for a text. Pure functions. */
import { probabilities } from "../exit/criteria.ts";

/** A token of a text with its label. */
export interface Tag {
  readonly token: string;
  /** Its place among the text's tokens; [CLS] is 0. */
  readonly index: number;
  /** UTF-16 indices into the text. */
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly score: number;
  /** The probability of each label, in the order of the model's labels. */
  readonly scores: readonly number[];
}

/** A span of a context that answers a question. */
export interface Answer {
  readonly text: string;
  /** UTF-16 indices into the context. */
  readonly start: number;
  readonly end: number;
  /** Probability of the start times probability of the end. */
  readonly score: number;
}

export interface Span {
  readonly first: number;
  readonly last: number;
  /** Probability of the start times probability of the end. */
  readonly score: number;
}

export interface SpanOptions {
  readonly maxTokens: number;
  /** How many, the best first. Default 1. */
  readonly count?: number | undefined;
  /** Give the first token, [CLS], a share of the probability: that there is no answer. It is in no span. */
  readonly mayBeMissing?: boolean | undefined;
}

/** The best pairs first ≤ last < first + maxTokens among allowed tokens; logits [tokens, 2] hold starts and ends. */
export function bestSpans(
  logits: Float32Array,
  allowed: readonly boolean[],
  { maxTokens, count = 1, mayBeMissing = false }: SpanOptions,
): Span[] {
  const competes = (i: number): boolean => allowed[i] || (mayBeMissing && i === 0);
  const column = (offset: number): number[] =>
    probabilities(allowed.map((_, i) => (competes(i) ? logits[2 * i + offset] : Number.NEGATIVE_INFINITY)));
  const starts = column(0);
  const ends = column(1);
  const best: Span[] = [];
  for (let first = 0; first < allowed.length; first++) {
    if (!allowed[first]) continue;
    for (let last = first; last < Math.min(first + maxTokens, allowed.length); last++) {
      const score = starts[first] * ends[last];
      if (!allowed[last] || (best.length === count && !(score > best[count - 1].score))) continue;
      const at = best.findIndex((span) => score > span.score);
      best.splice(at < 0 ? best.length : at, 0, { first, last, score });
      if (best.length > count) best.pop();
    }
  }
  return best;
}

/** The mean of the rows of [n, d]. */
export function meanRow(rows: Float32Array, d: number): Float32Array {
  const mean = new Float32Array(d);
  const n = rows.length / d;
  for (let i = 0; i < rows.length; i++) mean[i % d] += rows[i] / n;
  return mean;
}

/** A vector of length 1 in the same direction; zeros stay zeros. */
export function unitVector(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? vector.map((value) => value / length) : vector;
}

/** The probability of each label by itself. */
export function sigmoids(logits: Float32Array): number[] {
  return Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
}
