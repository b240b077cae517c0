/** Two sets of answers to the same texts: how their accuracies differ, with the interval that pairing earns. */
import { TaperError } from "../engine/errors.ts";

export interface Paired {
  /** Accuracy of the first minus accuracy of the second. */
  readonly difference: number;
  /** 95 % interval of the difference, normal approximation over the texts' own differences. */
  readonly low: number;
  readonly high: number;
  /** Share of texts to which both gave the same answer. */
  readonly agreement: number;
}

/** Labels by id, one per text. Throws ERR_INPUT unless there are as many of each, and at least two. */
export function paired(first: readonly number[], second: readonly number[], truth: readonly number[]): Paired {
  const n = truth.length;
  if (n < 2 || first.length !== n || second.length !== n) {
    throw new TaperError(
      "ERR_INPUT",
      `paired: expected as many answers of both as labels, at least two; found ${first.length}, ${second.length} and ${n}.`,
    );
  }
  const differences = truth.map((label, i) => Number(first[i] === label) - Number(second[i] === label));
  const difference = differences.reduce((a, b) => a + b, 0) / n;
  const variance = differences.reduce((a, b) => a + (b - difference) ** 2, 0) / (n - 1);
  const margin = 1.959964 * Math.sqrt(variance / n);
  const same = first.filter((answer, i) => answer === second[i]).length;
  return { difference, low: difference - margin, high: difference + margin, agreement: same / n };
}
