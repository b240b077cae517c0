/**
 * What a recipe teaches: a forward on a tape that ends in seeds for `backward`, and figures that add up over shards and workers.
 * An objective knows nothing of workers, optimisers or files.
 */
import type { Seed } from "./tape.ts";

/** Sums, so that figures of shards add up: a mean is a quotient of two of them. */
export interface Sums {
  /** What is asked: texts, words, or masked tokens. A text without a label is asked for the last head's answer. */
  readonly asked: number;
  readonly correct: number;
  /** Σ loss over what is asked, of the main task alone. */
  readonly loss: number;
  /** Rows kept, and rows that could have been kept, over all layers; [CLS] not counted. */
  readonly kept: number;
  readonly keepable: number;
  /** Texts answered right by each exit head. */
  readonly exitCorrect: readonly number[];
}

export const noSums: Sums = { asked: 0, correct: 0, loss: 0, kept: 0, keepable: 0, exitCorrect: [] };

export function addSums(a: Sums, b: Sums): Sums {
  const longest = Math.max(a.exitCorrect.length, b.exitCorrect.length);
  return {
    asked: a.asked + b.asked,
    correct: a.correct + b.correct,
    loss: a.loss + b.loss,
    kept: a.kept + b.kept,
    keepable: a.keepable + b.keepable,
    exitCorrect: Array.from({ length: longest }, (_, l) => (a.exitCorrect[l] ?? 0) + (b.exitCorrect[l] ?? 0)),
  };
}

/** One worker's part of a step. */
export interface Shard {
  /** Indices into the data set. */
  readonly texts: readonly number[];
  /** Texts of the whole batch, over all workers, and answers that they are asked for: losses are means over these. */
  readonly batchTexts: number;
  readonly batchAsked: number;
  /** Tokens of the whole batch. */
  readonly batchTokens: number;
  /** Seeds everything random in this shard. */
  readonly seed: string;
  /** How far the run is, 0 … 1. */
  readonly progress: number;
  /** False: no noise, no seeds; figures only. */
  readonly learns: boolean;
  /** True: nobody is skimmed in this step. */
  readonly dense: boolean;
}

export interface Objective {
  forward(shard: Shard): Promise<{ seeds: Seed[]; sums: Sums }>;
}
