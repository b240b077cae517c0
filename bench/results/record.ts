/**
 * From answers to the figures of one row: accuracy, arithmetic against the task's dense model on the real length and padded, differences
 * with the interval that pairing earns, and the same by length of text. Pure functions.
 */
import { gflops } from "../flops.ts";
import { sum } from "../statistics.ts";
import type { Answers } from "./answers.ts";

export interface Difference {
  /** Accuracy of the model minus that of the other, with its 95 % interval; the text is the unit that is drawn. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Share of answers that are the other's. */
  readonly agreement: number;
}

export interface BucketRow {
  /** Tokens: from … to; no end: all longer texts. */
  readonly from: number;
  readonly to?: number;
  readonly texts: number;
  readonly accuracy: number;
  readonly speedup: number;
}

export interface Figures {
  readonly texts: number;
  /** Answers asked for: texts, or words. */
  readonly asked: number;
  readonly accuracy: number;
  /** Per text, executed, overheads included. */
  readonly gflops: number;
  /** Predictors and exit heads ÷ all that was executed. */
  readonly overhead: number;
  /** MACs of the task's dense model on the real length ÷ executed; the same, each text padded to the longest of its batch of 32. */
  readonly speedup: number;
  readonly paddedSpeedup: number;
  readonly meanExitLayer: number;
  /** By layer: rows that enter ÷ tokens of all texts; who exited counts as gone. */
  readonly kept: readonly number[];
  readonly buckets: readonly BucketRow[];
}

/** `reference`: the task's dense model on the same texts. `ends`: where the first two buckets end. */
export function figuresOf(its: Answers, reference: Answers, ends: readonly [number, number]): Figures {
  const texts = its.lengths.length;
  const all = Array.from({ length: texts }, (_, t) => t);
  const denseMacs = sum(reference.macs);
  const from = [1, ends[0] + 1, ends[1] + 1];
  return {
    texts,
    asked: its.truth.length,
    accuracy: accuracyOf(its, all),
    gflops: gflops(sum(its.macs)) / texts,
    overhead: its.overheadMacs / sum(its.macs),
    speedup: denseMacs / sum(its.macs),
    paddedSpeedup: reference.paddedMacs / sum(its.macs),
    meanExitLayer: its.meanExitLayer,
    kept: its.kept,
    buckets: from.flatMap((first, i): BucketRow[] => {
      const to = ends[i] ?? Number.POSITIVE_INFINITY;
      const inside = all.filter((t) => its.lengths[t] >= first && its.lengths[t] <= to);
      if (inside.length === 0) return [];
      const of = (values: readonly number[]): number => sum(inside.map((t) => values[t]));
      return [
        {
          from: first,
          ...(Number.isFinite(to) && { to }),
          texts: inside.length,
          accuracy: accuracyOf(its, inside),
          speedup: of(reference.macs) / of(its.macs),
        },
      ];
    }),
  };
}

/** Answers of two models to the same texts. With one answer a text this is the usual paired interval; with several, texts are clusters. */
export function differenceOf(its: Answers, others: Answers): Difference {
  const n = its.lengths.length;
  const asked = its.truth.length;
  const difference = sum(its.truth.map((label, i) => better(its.answers[i], others.answers[i], label))) / asked;
  let squares = 0;
  for (let t = 0; t < n; t++) {
    let own = 0;
    for (let i = its.starts[t]; i < its.starts[t + 1]; i++) {
      own += better(its.answers[i], others.answers[i], its.truth[i]) - difference;
    }
    squares += own ** 2;
  }
  const margin = (1.959964 * Math.sqrt((squares * n) / Math.max(1, n - 1))) / asked;
  const alike = its.answers.filter((answer, i) => answer === others.answers[i]).length;
  return { difference, low: difference - margin, high: difference + margin, agreement: alike / asked };
}

const better = (answer: number, other: number, label: number): number =>
  Number(answer === label) - Number(other === label);

function accuracyOf({ answers, truth, starts }: Answers, texts: readonly number[]): number {
  let right = 0;
  let asked = 0;
  for (const t of texts) {
    for (let i = starts[t]; i < starts[t + 1]; i++) if (answers[i] === truth[i]) right++;
    asked += starts[t + 1] - starts[t];
  }
  return right / asked;
}
