/**
 * AdamW with warm-up and linear decay, over a slice of the flat parameter vector, and the global norm that clips its gradients.
 * Updates are dense: a row that got no gradient still moves with its moments, as in the definition. No memory of its own.
 * Source: https://arxiv.org/abs/1711.05101 (decoupled weight decay), https://arxiv.org/abs/1412.6980
 */
import type { Layout } from "./layout.ts";

/** AdamW with warm-up and linear decay. Source: https://arxiv.org/abs/1711.05101 */
export interface OptimizerConfig {
  /** The learning rate at the end of the warm-up. */
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Not applied to biases and normalisations. */
  readonly weightDecay: number;
  /** The part of all steps in which the learning rate rises from 0. */
  readonly warmup: number;
  /** The largest global norm of a gradient; 0: no clipping. */
  readonly clip: number;
  /** The learning rate of what learns apart, at the end of the warm-up. */
  readonly apart?: number | undefined;
}

export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** The learning rate of `step` (from 0) of `steps`: linear up, linear down to 0 after the last. */
export function learningRateAt({ learningRate, warmup }: OptimizerConfig, step: number, steps: number): number {
  const rise = Math.ceil(warmup * steps);
  if (step < rise) return (learningRate * (step + 1)) / rise;
  return (learningRate * (steps - step)) / Math.max(1, steps - rise);
}

/** Σ gradient² over [from, to) of what is clipped, in one order; gradient[i − from] is the gradient of value i. */
export function squaredNorm(gradient: Float32Array, [from, to]: readonly [number, number], layout: Layout): number {
  let sum = 0;
  for (const { offset, length, learns } of layout.segments) {
    if (learns !== "model") continue;
    const end = Math.min(to, offset + length);
    for (let i = Math.max(from, offset); i < end; i++) sum += gradient[i - from] * gradient[i - from];
  }
  return sum;
}

/** What gradients are multiplied by so that their norm is at most `clip`. */
export function clipScale(norm: number, clip: number): number {
  return clip > 0 && norm > clip ? clip / norm : 1;
}

interface UpdateConfig {
  readonly rate: number;
  /** Default 0. */
  readonly apartRate?: number;
  readonly step: number;
  /** What gradients are multiplied by. */
  readonly scale: number;
}

/**
 * One update of values [from, to), frozen ones excepted. gradient[i − from] is the gradient of values[i]; `step` counts from 0; what
 * learns apart does so at `apartRate`, unscaled.
 * values −= rate · (m̂ / (√v̂ + eps) + weightDecay · values)
 */
export function adamw(
  values: Float32Array,
  { first, second }: Moments,
  gradient: Float32Array,
  [from, to]: readonly [number, number],
  config: OptimizerConfig & UpdateConfig,
  layout: Layout,
): void {
  const { beta1, beta2, eps, step, weightDecay } = config;
  const root = 1 / Math.sqrt(1 - beta2 ** (step + 1));
  const keep1 = 1 - beta1;
  const keep2 = 1 - beta2;
  for (const { kind, names, offset, length, learns } of layout.segments) {
    if (learns === "frozen") continue;
    const { rate, scale } = learns === "apart" ? { rate: config.apartRate ?? 0, scale: 1 } : config;
    const size = rate / (1 - beta1 ** (step + 1));
    const shrink = kind === "vector" || names[0].endsWith("bias") ? 1 : 1 - rate * weightDecay;
    const end = Math.min(to, offset + length);
    for (let i = Math.max(from, offset); i < end; i++) {
      const g = scale * gradient[i - from];
      const m = beta1 * first[i] + keep1 * g;
      const v = beta2 * second[i] + keep2 * g * g;
      first[i] = m;
      second[i] = v;
      values[i] = shrink * values[i] - (size * m) / (Math.sqrt(v) * root + eps);
    }
  }
}
