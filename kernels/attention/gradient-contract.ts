/**
 * The gradient of attention. Probabilities are computed again rather than kept: they are the largest thing a layer makes.
 *
 *   dQkv [n, 3d] += …,  dMask [n] += …   from dOut [n, d] and, optionally, dImportance [n]
 *
 * The gradient to m_j flows through the numerator and the denominator of its softmax (that is what lets a straight-through
 * mask learn), and through the mean over live queries of importance. Where m_j is exactly 0 the derivative through the softmax
 * has no bound (a row that is not there may score far above all that are), so what stands for it is the effect of adding the row:
 * with e_ij = exp(s_ij) / Σ_k m_k·exp(s_ik), the factor e_ij becomes e_ij / (1 + e_ij), which is at most 1.
 */
import type { Contract } from "../contract.ts";
import type { AttentionSizes } from "./contract.ts";

export interface AttentionGradientArgs<H> extends AttentionSizes {
  dQkv: H;
  dMask?: H | undefined;
  qkv: H;
  starts: H;
  mask?: H | undefined;
  dOut: H;
  dImportance?: H | undefined;
}

export const attentionGradient = {
  name: "attentionGradient",
  operands: {
    dQkv: { role: "inout", shape: ({ n, d }) => [n, 3 * d] },
    dMask: { role: "inout", shape: ({ n }) => [n], optional: true },
    qkv: { role: "in", shape: ({ n, d }) => [n, 3 * d] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
    mask: { role: "in", shape: ({ n }) => [n], optional: true },
    dOut: { role: "in", shape: ({ n, d }) => [n, d] },
    dImportance: { role: "in", shape: ({ n }) => [n], optional: true },
  },
  cost: ({ n, d, h, pairs }) => ({ macs: 5 * d * pairs, elements: 2 * h * pairs, bytes: 4 * (8 * n * d) }),
} as const satisfies Contract<"attentionGradient", AttentionSizes>;
