/**
 * Chooses between two states row by row: out_i = m_i · a_i + (1 − m_i) · b_i, with m [n] and a, b, out [n, d].
 * For m in {0, 1} it is an exact choice (a NaN on the side not chosen does not leak), so a masked forward equals a dropped one.
 */
import type { Contract } from "../contract.ts";

export interface BlendSizes {
  n: number;
  d: number;
}
export interface BlendArgs<H> extends BlendSizes {
  out: H;
  mask: H;
  a: H;
  b: H;
}
/** dA_i += m_i · dOut_i,  dB_i += (1 − m_i) · dOut_i,  dMask_i += Σ_j (a_ij − b_ij) · dOut_ij */
export interface BlendGradientArgs<H> extends BlendSizes {
  dA: H;
  dB: H;
  dMask: H;
  mask: H;
  a: H;
  b: H;
  dOut: H;
}

export const blend = {
  name: "blend",
  operands: {
    out: { role: "out", shape: ({ n, d }) => [n, d] },
    mask: { role: "in", shape: ({ n }) => [n] },
    a: { role: "in", shape: ({ n, d }) => [n, d] },
    b: { role: "in", shape: ({ n, d }) => [n, d] },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: n * d, bytes: 12 * n * d }),
} as const satisfies Contract<"blend", BlendSizes>;

export const blendGradient = {
  name: "blendGradient",
  operands: {
    dA: { role: "inout", shape: ({ n, d }) => [n, d] },
    dB: { role: "inout", shape: ({ n, d }) => [n, d] },
    dMask: { role: "inout", shape: ({ n }) => [n] },
    mask: { role: "in", shape: ({ n }) => [n] },
    a: { role: "in", shape: ({ n, d }) => [n, d] },
    b: { role: "in", shape: ({ n, d }) => [n, d] },
    dOut: { role: "in", shape: ({ n, d }) => [n, d] },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: 3 * n * d, bytes: 28 * n * d }),
} as const satisfies Contract<"blendGradient", BlendSizes>;
