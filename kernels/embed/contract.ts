/**
 * A row per token: out[i, :] = (word[ids[i], :] + position[positions[i], :]) + segment[segments[i], :], added in that order.
 * out [n, d]; word [vocabulary, d]; position [maxPositions, d]; segment [types, d]; ids, positions, segments i32 [n], in range
 * (the caller checks). Its gradient is three gatherGradients.
 */
import type { Contract } from "../contract.ts";

export interface EmbedSizes {
  n: number;
  d: number;
  vocabulary: number;
  maxPositions: number;
  types: number;
}
export interface EmbedArgs<H> extends EmbedSizes {
  out: H;
  word: H;
  position: H;
  segment: H;
  ids: H;
  positions: H;
  segments: H;
}

export const embed = {
  name: "embed",
  operands: {
    out: { role: "out", shape: ({ n, d }) => [n, d] },
    word: { role: "in", shape: ({ vocabulary, d }) => [vocabulary, d] },
    position: { role: "in", shape: ({ maxPositions, d }) => [maxPositions, d] },
    segment: { role: "in", shape: ({ types, d }) => [types, d] },
    ids: { role: "in", shape: ({ n }) => [n], kind: "i32" },
    positions: { role: "in", shape: ({ n }) => [n], kind: "i32" },
    segments: { role: "in", shape: ({ n }) => [n], kind: "i32" },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: 2 * n * d, bytes: 16 * n * d }),
} as const satisfies Contract<"embed", EmbedSizes>;
