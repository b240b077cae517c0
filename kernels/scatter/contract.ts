/**
 * Puts rows where they belong: out[index[i], :] = x[i, :], other rows of out untouched. How a skimmed row's state is
 * forwarded to the output. Indices are distinct.
 * out [rows, d]; x [n, d]; index i32 [n].
 */
import type { Contract } from "../contract.ts";
import type { GatherSizes } from "../gather/contract.ts";

export interface ScatterArgs<H> extends GatherSizes {
  out: H;
  x: H;
  index: H;
}

export const scatter = {
  name: "scatter",
  operands: {
    out: { role: "inout", shape: ({ rows, d }) => [rows, d] },
    x: { role: "in", shape: ({ n, d }) => [n, d] },
    index: { role: "in", shape: ({ n }) => [n], kind: "i32" },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: 0, bytes: 8 * n * d }),
} as const satisfies Contract<"scatter", GatherSizes>;
