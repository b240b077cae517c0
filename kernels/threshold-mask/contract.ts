/**
 * Pruning by attention while training: which rows go on, from the attention that they received.
 *
 *   z_i = importance_i − threshold
 *   out_i = previous_i · gate(z_i);   the first row of every text ([CLS]) keeps previous_i
 *   gate(z) = σ(z/temperature), or for temperature 0 the step: 0 where z ≤ 0, else 1 (NaN too, as in the forward that drops)
 *
 * Masks multiply over the layers, so a pruned row never comes back. Backward:
 *
 *   dImportance_i += g,  dThreshold −= Σ_i g  with g = dOut_i · previous_i · gate′(z_i)  (0 for [CLS]; the step's slope is 0)
 *   dPrevious_i += dOut_i · gate(z_i)  (dOut_i for [CLS])
 *
 * importance, previous, out [n]; threshold [1]; starts i32 [texts + 1].
 * Sources: Learned Token Pruning, https://arxiv.org/abs/2107.00910; Magic Pyramid, https://arxiv.org/abs/2111.00230
 */
import type { Contract } from "../contract.ts";

/**
 * Forms in float32 may take a mask, or a gradient of importance, below this for 0. Where two pruned rows meet, the slope of attention has both
 * their masks in it: what smaller ones would make there are denormal numbers, at which processors take a hundred times as long.
 */
export const leastMask = 2 ** -32;

export interface ThresholdMaskSizes {
  n: number;
  texts: number;
}
export interface ThresholdMaskArgs<H> extends ThresholdMaskSizes {
  out: H;
  importance: H;
  threshold: H;
  previous: H;
  starts: H;
  temperature: number;
}
export interface ThresholdMaskGradientArgs<H> extends ThresholdMaskSizes {
  dImportance: H;
  dThreshold: H;
  dPrevious: H;
  importance: H;
  threshold: H;
  previous: H;
  starts: H;
  dOut: H;
  temperature: number;
}

export const thresholdMask = {
  name: "thresholdMask",
  operands: {
    out: { role: "out", shape: ({ n }) => [n] },
    importance: { role: "in", shape: ({ n }) => [n] },
    threshold: { role: "in", shape: () => [1] },
    previous: { role: "in", shape: ({ n }) => [n] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
  },
  cost: ({ n }) => ({ macs: 0, elements: n, bytes: 12 * n }),
} as const satisfies Contract<"thresholdMask", ThresholdMaskSizes>;

export const thresholdMaskGradient = {
  name: "thresholdMaskGradient",
  operands: {
    dImportance: { role: "inout", shape: ({ n }) => [n] },
    dThreshold: { role: "inout", shape: () => [1] },
    dPrevious: { role: "inout", shape: ({ n }) => [n] },
    importance: { role: "in", shape: ({ n }) => [n] },
    threshold: { role: "in", shape: () => [1] },
    previous: { role: "in", shape: ({ n }) => [n] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
    dOut: { role: "in", shape: ({ n }) => [n] },
  },
  cost: ({ n }) => ({ macs: 0, elements: n, bytes: 28 * n }),
} as const satisfies Contract<"thresholdMaskGradient", ThresholdMaskSizes>;
