/**
 * Expected calibration error: how far a model's confidence is from its accuracy, over bins of equal width.
 * Source: Guo et al., On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599, equation 3
 */
import { TaperError } from "../engine/errors.ts";
import { mean } from "./statistics.ts";

/** Bins of the paper. */
export const calibrationBins = 15;

export interface Confidence {
  /** Probability of the answer given, 0 … 1. */
  readonly confidence: number;
  readonly right: boolean;
}

/** Σ over bins of share · |accuracy − mean confidence|. Throws ERR_INPUT without answers. */
export function calibrationError(answers: readonly Confidence[], bins = calibrationBins): number {
  if (answers.length === 0) throw new TaperError("ERR_INPUT", "calibration: expected at least one answer, found none.");
  const binned: Confidence[][] = Array.from({ length: bins }, () => []);
  for (const answer of answers) binned[Math.min(bins - 1, Math.floor(answer.confidence * bins))].push(answer);
  return binned.reduce((error, bin) => {
    if (bin.length === 0) return error;
    const gap = mean(bin.map(({ right }) => Number(right))) - mean(bin.map(({ confidence }) => confidence));
    return error + (bin.length / answers.length) * Math.abs(gap);
  }, 0);
}
