/** Dropout and its gradient by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { DropoutArgs, DropoutGradientArgs } from "./contract.ts";
import { isKept } from "./mask.ts";

export function dropout({ out, x, seed, probability, length }: DropoutArgs<ScalarHandle>): void {
  const [y, from] = [out.data, x.data];
  const scale = 1 / (1 - probability);
  for (let i = 0; i < length; i++) y[i] = isKept(seed, i, probability) ? from[i] * scale : 0;
}

export function dropoutGradient({ dx, dOut, seed, probability, length }: DropoutGradientArgs<ScalarHandle>): void {
  const [result, dy] = [dx.data, dOut.data];
  const scale = 1 / (1 - probability);
  for (let i = 0; i < length; i++) if (isKept(seed, i, probability)) result[i] += dy[i] * scale;
}
