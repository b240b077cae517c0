/**
 * The few statistics that the benches quote. Pure functions of numbers: no clock, no formatting.
 */
import { TaperError } from "../engine/errors.ts";

export interface Summary {
  /** Number of samples. */
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
  readonly mean: number;
}

/**
 * The value below which a share `q` (0 … 1) of the samples lies, interpolated linearly between neighbours (type 7, as in
 * R and NumPy). Throws ERR_INPUT without samples.
 */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = ascending(samples);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

export function sum(samples: readonly number[]): number {
  return samples.reduce((total, value) => total + value, 0);
}

/** Throws ERR_INPUT without samples. */
export function mean(samples: readonly number[]): number {
  return sum(ascending(samples)) / samples.length;
}

/** Throws ERR_INPUT without samples. */
export function summarise(samples: readonly number[]): Summary {
  const sorted = ascending(samples);
  return {
    count: sorted.length,
    min: sorted[0],
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    max: sorted[sorted.length - 1],
    mean: mean(sorted),
  };
}

/** Samples that must lie beyond a quantile before it is quoted: fewer say more about luck than about the tail. */
export const samplesBeyond = 10;

/** Whether `count` samples support the quantile `q`: at least ten lie beyond it (p90 needs 100, p95 200, p99 1000). */
export function supportsQuantile(count: number, q: number): boolean {
  return count * (1 - q) >= samplesBeyond - 1e-9;
}

export interface Tails {
  /** Always given: the middle needs no tail. */
  readonly p50: number;
  /** Absent where the samples do not support them. */
  readonly p90?: number;
  readonly p95?: number;
  readonly p99?: number;
}

/** The quantiles that the samples support. Throws ERR_INPUT without samples. */
export function tails(samples: readonly number[]): Tails {
  const sorted = ascending(samples);
  const quoted = Object.entries({ p90: 0.9, p95: 0.95, p99: 0.99 }).filter(([, q]) =>
    supportsQuantile(sorted.length, q),
  );
  return { p50: quantile(sorted, 0.5), ...Object.fromEntries(quoted.map(([name, q]) => [name, quantile(sorted, q)])) };
}

/** a[i] ÷ b[i]: samples taken one after the other share their disturbances, so their ratios are steadier than they are. */
export function pairwiseRatios(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) {
    throw new TaperError("ERR_INPUT", `ratios: expected as many samples of both, found ${a.length} and ${b.length}.`);
  }
  return a.map((value, i) => value / b[i]);
}

function ascending(samples: readonly number[]): number[] {
  if (samples.length === 0) throw new TaperError("ERR_INPUT", "statistics: expected at least one sample, found none.");
  return [...samples].sort((x, y) => x - y);
}
