/** gather and its gradient in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { GatherArgs, GatherGradientArgs } from "./contract.ts";

export function gather({ out, table, index, n, d, rows }: GatherArgs<ReferenceHandle>): void {
  const [y, from, which] = [nd(out, n, d), nd(table, rows, d), nd(index, n)];
  for (let i = 0; i < n; i++) ops.assign(y.pick(i, null), from.pick(which.get(i), null));
}

export function gatherGradient({ dTable, dOut, index, n, d, rows }: GatherGradientArgs<ReferenceHandle>): void {
  const [result, dy, which] = [nd(dTable, rows, d), nd(dOut, n, d), nd(index, n)];
  for (let i = 0; i < n; i++) ops.addeq(result.pick(which.get(i), null), dy.pick(i, null));
}
