/** From the last states or logits of tokens to what people ask for: spans, tags, one vector for a text. Pure functions. */
import { probabilities } from "../exit/criteria.ts";

export interface Tag {
  readonly token: string;
  /** UTF-16 indices into the text. */
  readonly start: number;
  readonly end: number;
  readonly label: string;
  readonly score: number;
}

export interface Answer {
  readonly text: string;
  /** UTF-16 indices into the context. */
  readonly start: number;
  readonly end: number;
  /** Probability of the start times probability of the end. */
  readonly score: number;
}

/** The best pair first ≤ last < first + maxTokens among allowed tokens; logits [tokens, 2] hold starts and ends. */
export function bestSpan(
  logits: Float32Array,
  allowed: readonly boolean[],
  maxTokens: number,
): { first: number; last: number; score: number } | undefined {
  const column = (offset: number): number[] => probabilities(allowed.map((_, i) => logits[2 * i + offset]));
  const starts = column(0);
  const ends = column(1);
  let best: { first: number; last: number; score: number } | undefined;
  for (let first = 0; first < allowed.length; first++) {
    if (!allowed[first]) continue;
    for (let last = first; last < Math.min(first + maxTokens, allowed.length); last++) {
      const score = starts[first] * ends[last];
      if (allowed[last] && score > (best?.score ?? -1)) best = { first, last, score };
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
