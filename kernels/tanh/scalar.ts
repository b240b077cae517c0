/** The hyperbolic tangent and its gradient by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { TanhArgs, TanhGradientArgs } from "./contract.ts";

export function tanh({ out, x, length }: TanhArgs<ScalarHandle>): void {
  const [y, from] = [out.data, x.data];
  for (let i = 0; i < length; i++) y[i] = Math.tanh(from[i]);
}

export function tanhGradient({ dx, out, dOut, length }: TanhGradientArgs<ScalarHandle>): void {
  const [result, y, dy] = [dx.data, out.data, dOut.data];
  for (let i = 0; i < length; i++) result[i] += dy[i] * (1 - y[i] * y[i]);
}
