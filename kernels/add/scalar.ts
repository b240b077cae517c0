/** add and accumulate by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { AccumulateArgs, AddArgs } from "./contract.ts";

export function add({ out, a, b, length }: AddArgs<ScalarHandle>): void {
  const [y, left, right] = [out.data, a.data, b.data];
  for (let i = 0; i < length; i++) y[i] = left[i] + right[i];
}

export function accumulate({ out, x, scale, length }: AccumulateArgs<ScalarHandle>): void {
  const [y, from] = [out.data, x.data];
  for (let i = 0; i < length; i++) y[i] += scale * from[i];
}
