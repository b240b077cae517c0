/**
 * Percentile bootstrap intervals: how far a statistic would wander if the samples were drawn again. Seeded, so equal samples give equal
 * intervals. What is resampled is the unit: one sample, or a group of samples that belong together. It knows no clock and tests nothing.
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13
 */
import { TaperError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import { quantile } from "./statistics.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  /** Default 0.95. */
  readonly level?: number;
  /** Default 1000. */
  readonly resamples?: number;
  /** Default 1. */
  readonly seed?: number;
}

/**
 * The interval of `statistic` over `units`. One unit alone says nothing about the next: its interval is the statistic itself.
 * Throws ERR_INPUT without units or for a level outside 0 … 1.
 */
export function bootstrap<T>(
  units: readonly T[],
  statistic: (units: readonly T[]) => number,
  { level = 0.95, resamples = 1000, seed = 1 }: BootstrapOptions = {},
): Interval {
  if (units.length === 0 || !(level > 0 && level < 1) || !(resamples >= 1)) {
    const found = `${units.length} units, level ${level}, ${resamples} resamples`;
    throw new TaperError("ERR_INPUT", `bootstrap: expected at least one unit, 0 < level < 1, resamples ≥ 1; ${found}.`);
  }
  const random = new Random(seed);
  const drawn = [...units];
  const statistics = Array.from({ length: resamples }, () => {
    for (let i = 0; i < drawn.length; i++) drawn[i] = units[random.integer(units.length)];
    return statistic(drawn);
  });
  const tail = (1 - level) / 2;
  return { low: quantile(statistics, tail), high: quantile(statistics, 1 - tail) };
}
