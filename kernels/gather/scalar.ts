/** gather and its gradient by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { GatherArgs, GatherGradientArgs } from "./contract.ts";

export function gather({ out, table, index, n, d }: GatherArgs<ScalarHandle>): void {
  const [y, from, which] = [out.data, table.data, index.data];
  for (let i = 0; i < n; i++) {
    const row = which[i] * d;
    for (let j = 0; j < d; j++) y[i * d + j] = from[row + j];
  }
}

export function gatherGradient({ dTable, dOut, index, n, d }: GatherGradientArgs<ScalarHandle>): void {
  const [result, dy, which] = [dTable.data, dOut.data, index.data];
  for (let i = 0; i < n; i++) {
    const row = which[i] * d;
    for (let j = 0; j < d; j++) result[row + j] += dy[i * d + j];
  }
}
