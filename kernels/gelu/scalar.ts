/**
 * The exact GELU by plain loops: Φ(−a) = e^(−a²/2) · t·p(t) with t = 1/(1 + a/4), p of degree 10.
 * p is our own weighted least-squares fit, reweighted towards equal ripples; relative error of Φ below 2.5e-8.
 */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { GeluArgs } from "./contract.ts";

export function gelu({ out, x, length }: GeluArgs<ScalarHandle>): void {
  const [y, from] = [out.data, x.data];
  for (let i = 0; i < length; i++) y[i] = geluOf(from[i]);
}

/** GELU of one number, good to float32. */
export function geluOf(x: number): number {
  const a = Math.min(Math.abs(x), 64); // beyond, the tail is 0; an infinite a would make it NaN
  const t = 1 / (1 + 0.25 * a);
  let p = 0.0016481842043024597;
  p = p * t + 0.012180422305950251;
  p = p * t - 0.06607845940195269;
  p = p * t + 0.07976848235915562;
  p = p * t - 0.021574914837833498;
  p = p * t + 0.059715984104027314;
  p = p * t + 0.05991685941890116;
  p = p * t + 0.08147684330907334;
  p = p * t + 0.09347482864060339;
  p = p * t + 0.0997362147016551;
  p = p * t + 0.09973556762185581;
  const tail = a * t * p * Math.exp(-0.5 * a * a);
  // x·Φ(x) = max(x, 0) − |x|·Φ(−|x|)
  return Math.max(x, 0) - tail;
}
