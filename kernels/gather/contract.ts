/**
 * Copies rows: out[i, :] = table[index[i], :]. How rows leave (compaction) and how [CLS] rows are read.
 * out [n, d]; table [rows, d]; index i32 [n], each in 0 … rows − 1 (the caller checks: a GPU cannot throw).
 */
import type { Contract } from "../contract.ts";

export interface GatherSizes {
  n: number;
  d: number;
  rows: number;
}
export interface GatherArgs<H> extends GatherSizes {
  out: H;
  table: H;
  index: H;
}
/** The gradient of gather: dTable[index[i], :] += dOut[i, :]; equal indices add up in increasing i. */
export interface GatherGradientArgs<H> extends GatherSizes {
  dTable: H;
  dOut: H;
  index: H;
}

export const gather = {
  name: "gather",
  operands: {
    out: { role: "out", shape: ({ n, d }) => [n, d] },
    table: { role: "in", shape: ({ rows, d }) => [rows, d] },
    index: { role: "in", shape: ({ n }) => [n], kind: "i32" },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: 0, bytes: 8 * n * d }),
} as const satisfies Contract<"gather", GatherSizes>;

export const gatherGradient = {
  name: "gatherGradient",
  operands: {
    dTable: { role: "inout", shape: ({ rows, d }) => [rows, d] },
    dOut: { role: "in", shape: ({ n, d }) => [n, d] },
    index: { role: "in", shape: ({ n }) => [n], kind: "i32" },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: n * d, bytes: 12 * n * d }),
} as const satisfies Contract<"gatherGradient", GatherSizes>;
