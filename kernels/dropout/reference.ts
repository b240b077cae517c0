/** Dropout and its gradient in float64. */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { DropoutArgs, DropoutGradientArgs } from "./contract.ts";
import { isKept } from "./mask.ts";

export function dropout({ out, x, seed, probability, length }: DropoutArgs<ReferenceHandle>): void {
  const [y, from] = [nd(out, length), nd(x, length)];
  for (let i = 0; i < length; i++) y.set(i, isKept(seed, i, probability) ? from.get(i) / (1 - probability) : 0);
}

export function dropoutGradient({ dx, dOut, seed, probability, length }: DropoutGradientArgs<ReferenceHandle>): void {
  const [result, dy] = [nd(dx, length), nd(dOut, length)];
  for (let i = 0; i < length; i++) {
    if (isKept(seed, i, probability)) result.set(i, result.get(i) + dy.get(i) / (1 - probability));
  }
}
