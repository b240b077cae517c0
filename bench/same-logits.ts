/** Two implementations of one model give the same logits, or they are not to be compared in speed. It times nothing. */
import { TaperError } from "../engine/errors.ts";

/** The largest difference between two float32 implementations that round in different places, for logits of a few units. */
export const logitTolerance = 1e-4;

/**
 * The largest absolute difference. Throws ERR_BACKEND if it is above `tolerance`, or if the two are of different shapes; `who` names the
 * one that was found.
 */
export function sameLogits(
  found: readonly Float32Array[],
  expected: readonly Float32Array[],
  who: string,
  tolerance: number = logitTolerance,
): number {
  const shape = (logits: readonly Float32Array[]): string => `[${logits.map(({ length }) => length)}]`;
  if (shape(found) !== shape(expected)) {
    throw new TaperError("ERR_BACKEND", `${who}: expected logits of ${shape(expected)}, found ${shape(found)}.`);
  }
  const difference = largestDifference(found, expected);
  // Negated, so that NaN is refused as well.
  if (!(difference <= tolerance)) {
    throw new TaperError(
      "ERR_BACKEND",
      `${who}: its logits differ from ours by ${difference}, at most ${tolerance} allowed: it is not the same model, and its time means nothing.`,
    );
  }
  return difference;
}

/** NaN if a value is. */
function largestDifference(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  let largest = 0;
  for (const [t, logits] of found.entries()) {
    for (const [i, value] of logits.entries()) largest = Math.max(largest, Math.abs(value - expected[t][i]));
  }
  return largest;
}
