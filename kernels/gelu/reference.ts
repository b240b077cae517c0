/**
 * The exact GELU and its gradient in float64, by an error function that is good to the last digits:
 * the all-positive series near 0 and the continued fraction of erfc beyond.
 * Source of both: https://dlmf.nist.gov/7.6 (7.6.2), https://dlmf.nist.gov/7.9
 */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { GeluArgs, GeluGradientArgs } from "./contract.ts";

export function gelu({ out, x, length }: GeluArgs<ReferenceHandle>): void {
  const [y, from] = [nd(out, length), nd(x, length)];
  for (let i = 0; i < length; i++) y.set(i, geluOf(from.get(i)));
}

export function geluGradient({ dx, x, dOut, length }: GeluGradientArgs<ReferenceHandle>): void {
  const [result, from, dy] = [nd(dx, length), nd(x, length), nd(dOut, length)];
  for (let i = 0; i < length; i++) {
    const v = from.get(i);
    const slope = normalDistribution(v) + (v * Math.exp((-v * v) / 2)) / Math.sqrt(2 * Math.PI);
    result.set(i, result.get(i) + dy.get(i) * slope);
  }
}

/** GELU of one number; its limit at −∞, where the product would be ∞ · 0. */
export function geluOf(x: number): number {
  return x === Number.NEGATIVE_INFINITY ? 0 : x * normalDistribution(x);
}

/** Φ(x), the probability that a standard normal variable is below x. */
function normalDistribution(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  if (Number.isNaN(z)) return z;
  if (z < 2.5) {
    const half = errorFunction(z) / 2;
    return x < 0 ? 0.5 - half : 0.5 + half;
  }
  const tail = complement(z) / 2;
  return x < 0 ? tail : 1 - tail;
}

// erf z = 2/√π · e^(−z²) · Σ 2ⁿ z^(2n+1) / (1·3·…·(2n+1))
function errorFunction(z: number): number {
  let [term, sum] = [z, z];
  for (let n = 1; term > sum * 1e-18; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

// erfc z = e^(−z²)/√π · 1/(z + (1/2)/(z + 1/(z + (3/2)/(z + …)))), from the inside out
function complement(z: number): number {
  let fraction = z;
  for (let n = 120; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
}
