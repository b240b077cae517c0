/**
 * What a set of texts cost in all, from their traces, and as ratios of sums against the dense model. Both baselines are here and
 * neither goes unnamed: the text's real length, and the padded length of a batch, which flatters. By layer and part: breakdown.ts.
 */
import type { BertConfig } from "../bert/config.ts";
import { denseEncoderMacs, taskHeadMacs } from "../bert/macs.ts";
import type { Trace } from "../bert/trace.ts";
import { mean, sum } from "./statistics.ts";

/** Texts in a padded batch of the second baseline, in the order of the data. */
export const paddedBatch = 32;

export interface Totals {
  readonly texts: number;
  readonly tokens: number;
  readonly macs: number;
  readonly overheadMacs: number;
  readonly denseMacs: number;
  readonly paddedMacs: number;
  /** Dense on the real length ÷ executed, overheads included. */
  readonly speedup: number;
  /** Dense, padded to the longest text of each batch of 32 ÷ executed. */
  readonly paddedSpeedup: number;
  readonly meanExitLayer: number;
  /** Rows attended to ÷ the text's length, mean over the layers that a text reached, then over texts. */
  readonly meanKept: number;
}

/** Totals over at least one text. */
export function totalsOf(traces: readonly Trace[], config: BertConfig): Totals {
  const macs = sum(traces.map((trace) => trace.macs));
  const denseMacs = sum(traces.map((trace) => trace.denseMacs));
  const paddedMacs = sum(paddedLengths(traces).map((n) => denseEncoderMacs(config, n) + taskHeadMacs(config, n)));
  return {
    texts: traces.length,
    tokens: sum(traces.map((trace) => trace.length)),
    macs,
    overheadMacs: sum(traces.map((trace) => trace.overheadMacs)),
    denseMacs,
    paddedMacs,
    speedup: denseMacs / macs,
    paddedSpeedup: paddedMacs / macs,
    meanExitLayer: mean(traces.map((trace) => trace.exitLayer)),
    meanKept: mean(
      traces.map(({ attended, exitLayer, length }) => mean(attended.slice(0, exitLayer).map((rows) => rows / length))),
    ),
  };
}

/** Each text's length once it is padded to the longest of its batch. */
export function paddedLengths(traces: readonly Pick<Trace, "length">[]): number[] {
  return traces.map((_, t) => {
    const from = t - (t % paddedBatch);
    return Math.max(...traces.slice(from, from + paddedBatch).map((trace) => trace.length));
  });
}
