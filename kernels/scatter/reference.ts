/** scatter in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { ScatterArgs } from "./contract.ts";

export function scatter({ out, x, index, n, d, rows }: ScatterArgs<ReferenceHandle>): void {
  const [y, from, which] = [nd(out, rows, d), nd(x, n, d), nd(index, n)];
  for (let i = 0; i < n; i++) ops.assign(y.pick(which.get(i), null), from.pick(i, null));
}
