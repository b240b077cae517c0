/**
 * Softmax of each row: out[i, j] = exp(x[i, j] − max_i) / Σ_k exp(x[i, k] − max_i). Shapes [n, m].
 * A row holding NaN or +∞ becomes NaN, that row only; −∞ becomes 0 (a row of nothing but −∞ becomes NaN). m = 0 writes nothing.
 */
import type { Contract } from "../contract.ts";

export interface SoftmaxSizes {
  n: number;
  m: number;
}
export interface SoftmaxArgs<H> extends SoftmaxSizes {
  out: H;
  x: H;
}
/** dx [n, m] += out ∘ (dOut − Σ_j out_j · dOut_j) */
export interface SoftmaxGradientArgs<H> extends SoftmaxSizes {
  dx: H;
  out: H;
  dOut: H;
}

export const softmax = {
  name: "softmax",
  operands: {
    out: { role: "out", shape: ({ n, m }) => [n, m] },
    x: { role: "in", shape: ({ n, m }) => [n, m] },
  },
  cost: ({ n, m }) => ({ macs: 0, elements: n * m, bytes: 8 * n * m }),
} as const satisfies Contract<"softmax", SoftmaxSizes>;

export const softmaxGradient = {
  name: "softmaxGradient",
  operands: {
    dx: { role: "inout", shape: ({ n, m }) => [n, m] },
    out: { role: "in", shape: ({ n, m }) => [n, m] },
    dOut: { role: "in", shape: ({ n, m }) => [n, m] },
  },
  cost: ({ n, m }) => ({ macs: 0, elements: n * m, bytes: 16 * n * m }),
} as const satisfies Contract<"softmaxGradient", SoftmaxSizes>;
