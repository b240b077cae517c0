/**
 * What a set of texts cost, from their traces: by layer, and as ratios of sums against the dense model. Both baselines are here and
 * neither goes unnamed: the text's real length, and the padded length of a batch, which flatters.
 */
import type { BertConfig } from "../bert/config.ts";
import { denseEncoderMacs, type LayerMacs, layerMacs, sumOfParts, taskHeadMacs } from "../bert/macs.ts";
import type { Trace } from "../bert/trace.ts";
import { headMacs } from "../exit/head.ts";
import { predictorMacs } from "../skim/predictor.ts";
import { mean, sum } from "./statistics.ts";

/** Texts in a padded batch of the second baseline, in the order of the data. */
export const paddedBatch = 32;

export interface LayerTotals {
  /** Counted from 1. */
  readonly layer: number;
  /** Rows that entered attention and feed-forward, over all texts. */
  readonly attended: number;
  readonly fed: number;
  /** Texts that were answered after this layer. */
  readonly answered: number;
  /** MACs over all texts; `overhead` is predictors and exit heads, and is part of `executed`. */
  readonly executed: number;
  readonly overhead: number;
  readonly dense: number;
  /** Texts padded to the longest of their batch of 32. */
  readonly padded: number;
}

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

/** The same by layer; the model's own head counts on both sides and belongs to no layer. */
export function totalsByLayer(traces: readonly Trace[], config: BertConfig, predictorWidth: number): LayerTotals[] {
  const { d, layers, labels } = config;
  const denseLayer = (n: number): number => sumOfParts(layerMacs(config, n, n));
  const dense = sum(traces.map((trace) => denseLayer(trace.length)));
  const padded = sum(paddedLengths(traces).map(denseLayer));
  return Array.from({ length: layers }, (_, l) => {
    const predictors = sum(traces.map((trace) => trace.scored[l])) * predictorMacs(d, predictorWidth);
    const heads = l < layers - 1 ? sum(traces.map((trace) => trace.heads[l])) * headMacs(d, labels.length) : 0;
    const layerOf = ({ attended, fed }: Trace): LayerMacs => layerMacs(config, attended[l], fed[l]);
    return {
      layer: l + 1,
      attended: sum(traces.map((trace) => trace.attended[l])),
      fed: sum(traces.map((trace) => trace.fed[l])),
      answered: traces.filter((trace) => trace.exitLayer === l + 1).length,
      executed: sum(traces.map((trace) => sumOfParts(layerOf(trace)))) + predictors + heads,
      overhead: predictors + heads,
      dense,
      padded,
    };
  });
}

/** Each text's length once it is padded to the longest of its batch. */
export function paddedLengths(traces: readonly Pick<Trace, "length">[]): number[] {
  return traces.map((_, t) => {
    const from = t - (t % paddedBatch);
    return Math.max(...traces.slice(from, from + paddedBatch).map((trace) => trace.length));
  });
}
