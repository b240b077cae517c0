/** scatter by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { ScatterArgs } from "./contract.ts";

export function scatter({ out, x, index, n, d }: ScatterArgs<ScalarHandle>): void {
  const [y, from, which] = [out.data, x.data, index.data];
  for (let i = 0; i < n; i++) {
    const row = which[i] * d;
    for (let j = 0; j < d; j++) y[row + j] = from[i * d + j];
  }
}
