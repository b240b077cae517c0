/** The hyperbolic tangent and its gradient in float64. */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { TanhArgs, TanhGradientArgs } from "./contract.ts";

export function tanh({ out, x, length }: TanhArgs<ReferenceHandle>): void {
  const [y, from] = [nd(out, length), nd(x, length)];
  for (let i = 0; i < length; i++) y.set(i, Math.tanh(from.get(i)));
}

export function tanhGradient({ dx, out, dOut, length }: TanhGradientArgs<ReferenceHandle>): void {
  const [result, y, dy] = [nd(dx, length), nd(out, length), nd(dOut, length)];
  for (let i = 0; i < length; i++) result.set(i, result.get(i) + dy.get(i) * (1 - y.get(i) ** 2));
}
