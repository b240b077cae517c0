/**
 * Pareto Testing: dials with a guarantee. The front of (loss, cost) is found on one half of the texts; on the other half its members are
 * tested in order of rising loss, each with the exact binomial test, until the first that fails; the cheapest that passed is taken. The
 * order is fixed before the second half is looked at, so all tests together err with probability at most delta.
 *
 * The order is that of the loss that is tested, not of accuracy: in accuracy answers gained make up for answers lost, so a risky setting
 * that was lucky could come first, fail, and end the sequence before any safe one. Pure functions.
 * Sources: Laufer-Goldshtein et al., https://arxiv.org/abs/2210.07913; Learn then Test, https://arxiv.org/abs/2110.01052
 */
import type { Certificate } from "../bert/taper-config.ts";
import { TaperError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { frontOf } from "./dial-sweep.ts";
import { sum } from "./statistics.ts";

/** P(X ≤ k) of X ~ Binomial(n, p). */
export function binomialTail(k: number, n: number, p: number): number {
  if (k >= n || p <= 0) return 1;
  if (p >= 1) return 0;
  let log = n * Math.log1p(-p);
  let total = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    total += Math.exp(log);
  }
  return Math.min(1, total);
}

/** The most losses among `n` texts with which a loss above `maxDrop` is refuted at level `delta`; −1 if none would be few enough. */
export function errorsAllowed(n: number, maxDrop: number, delta: number): number {
  let k = -1;
  while (k + 1 < n && binomialTail(k + 1, n, maxDrop) <= delta) k++;
  return k;
}

/** The fewest texts of the tested half with which anything can be certified: all of them right. */
export function textsNeeded(maxDrop: number, delta: number): number {
  return Math.ceil(Math.log(delta) / Math.log1p(-maxDrop));
}

/** The exact one-sided upper bound of a probability after k of n, at level 1 − delta (Clopper and Pearson). */
export function upperBound(k: number, n: number, delta: number): number {
  if (k >= n) return 1;
  let [low, high] = [k / n, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (binomialTail(k, n, middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** Texts from which something can be certified, of which half are tested on. Throws ERR_OPTION for impossible numbers. */
export function checkedTextsNeeded({ maxDrop, delta }: Pick<CertifyOptions, "maxDrop" | "delta">): number {
  if (!(maxDrop > 0 && maxDrop < 1 && delta > 0 && delta < 1)) {
    throw new TaperError("ERR_OPTION", `expected 0 < max-drop < 1 and 0 < delta < 1, found ${maxDrop} and ${delta}.`);
  }
  return 2 * textsNeeded(maxDrop, delta);
}

/** Throws ERR_OPTION for impossible numbers, ERR_DATA if `n` texts can prove nothing. */
export function checkTexts(n: number, { maxDrop, delta }: Pick<CertifyOptions, "maxDrop" | "delta">): void {
  const needed = checkedTextsNeeded({ maxDrop, delta });
  if (n >= needed) return;
  const goal = `a drop of at most ${maxDrop} at delta ${delta}`;
  throw new TaperError(
    "ERR_DATA",
    `to certify ${goal}: expected at least ${needed} texts, found ${n}; half of them are tested on.`,
  );
}

/** One setting of the dials: for each text its answer and what it cost. */
export interface Tested {
  readonly answers: readonly number[];
  readonly macs: readonly number[];
}

export interface CertifyOptions {
  readonly maxDrop: number;
  readonly delta: number;
  /** Shuffles the texts before they are halved. */
  readonly seed: number;
}

export interface Certified {
  /** Which of the points. */
  readonly point: number;
  readonly certificate: Certificate;
}

/**
 * The cheapest of `points` whose loss against `full` is certified, or undefined if none is. `labels` left out: the loss is disagreement with
 * the full model. Throws ERR_OPTION for impossible numbers, ERR_DATA for too few texts.
 */
export function certify(
  points: readonly Tested[],
  full: Tested,
  labels: readonly number[] | undefined,
  { maxDrop, delta, seed }: CertifyOptions,
): Certified | undefined {
  const n = full.answers.length;
  checkTexts(n, { maxDrop, delta });
  const order = new Random(`${seed} halves`).shuffle(full.answers.map((_, t) => t));
  const [first, second] = [order.slice(0, Math.floor(n / 2)), order.slice(Math.floor(n / 2))];
  const truth = labels ?? full.answers;
  const at = <T>(values: readonly T[], texts: readonly number[]): T[] => texts.map((t) => values[t]);
  const lostOf = (answers: readonly number[], texts: readonly number[]): number =>
    texts.filter((t) => full.answers[t] === truth[t] && answers[t] !== truth[t]).length;
  const seen = points.map(({ answers, macs }) => ({
    accuracy: 1 - lostOf(answers, first) / first.length,
    macs: sum(at(macs, first)),
  }));
  let best: Certified | undefined;
  // The front goes from the cheapest and riskiest to the safest; it is tested the other way round.
  for (const point of frontOf(seen).reverse()) {
    const { answers, macs } = points[point];
    const errors = lostOf(answers, second);
    if (binomialTail(errors, second.length, maxDrop) > delta) break;
    const certificate: Certificate = {
      maxDrop,
      delta,
      loss: labels === undefined ? "disagreement" : "lost answers",
      texts: second.length,
      errors,
      bound: upperBound(errors, second.length, delta),
      speedup: sum(at(full.macs, second)) / sum(at(macs, second)),
    };
    best = { point, certificate };
  }
  return best !== undefined && best.certificate.speedup > 1 ? best : undefined;
}
