/**
 * Matrix product with everything that follows it in a BERT layer fused:
 *
 *   out[n, m] = activation(a[n, k] · weights[k, m] + bias[m]) + residual[n, m]
 *
 * `weights` is a packed handle (`Backend.pack` of a [k, m] view). Every CPU form adds the k products in increasing order
 * in one accumulator that starts at the bias, so a row's result depends neither on n nor on the other rows.
 * k = 0 gives activation(bias) + residual. `out` aliases nothing.
 * Source: the linear layers of BERT, https://arxiv.org/abs/1810.04805
 */
import type { Contract } from "../contract.ts";

export type Activation = "gelu" | "tanh";
export interface MatmulSizes {
  n: number;
  k: number;
  m: number;
}
export interface MatmulArgs<H> extends MatmulSizes {
  out: H;
  a: H;
  weights: H;
  bias?: H | undefined;
  residual?: H | undefined;
  activation?: Activation | undefined;
}

export const matmul = {
  name: "matmul",
  operands: {
    out: { role: "out", shape: ({ n, m }) => [n, m] },
    a: { role: "in", shape: ({ n, k }) => [n, k] },
    weights: { role: "packed", shape: ({ k, m }) => [k, m] },
    bias: { role: "in", shape: ({ m }) => [m], optional: true },
    residual: { role: "in", shape: ({ n, m }) => [n, m], optional: true },
  },
  cost: ({ n, k, m }) => ({ macs: n * k * m, elements: n * m, bytes: 4 * (n * k + k * m + n * m) }),
} as const satisfies Contract<"matmul", MatmulSizes>;
