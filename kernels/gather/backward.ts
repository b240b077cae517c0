/** The backward rule of gather. */
import type { Backward } from "../backward.ts";

export const gatherBackward: Backward<"gather"> = (chain, { out, table, index, n, d, rows }) => {
  chain.op("gatherGradient", {
    dTable: chain.into(table),
    dOut: chain.of(out),
    index: chain.value(index),
    n,
    d,
    rows,
  });
};
