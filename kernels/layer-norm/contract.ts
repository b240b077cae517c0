/**
 * Layer normalisation of each row: out = (x − mean) / √(variance + eps) · gamma + beta, variance the biased one.
 * Shapes x, out [n, d]; gamma, beta [d]. BERT's own eps is 1e-12, Transkimmer's predictors use 1e-5.
 * Source: https://arxiv.org/abs/1607.06450
 */
import type { Contract } from "../contract.ts";

export interface LayerNormSizes {
  n: number;
  d: number;
}
export interface LayerNormArgs<H> extends LayerNormSizes {
  out: H;
  x: H;
  gamma: H;
  beta: H;
  eps: number;
}
/** dx [n, d], dGamma [d] and dBeta [d] are added to; mean and variance are computed again from x. */
export interface LayerNormGradientArgs<H> extends LayerNormSizes {
  dx: H;
  dGamma: H;
  dBeta: H;
  x: H;
  gamma: H;
  dOut: H;
  eps: number;
}

export const layerNorm = {
  name: "layerNorm",
  operands: {
    out: { role: "out", shape: ({ n, d }) => [n, d] },
    x: { role: "in", shape: ({ n, d }) => [n, d] },
    gamma: { role: "in", shape: ({ d }) => [d] },
    beta: { role: "in", shape: ({ d }) => [d] },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: n * d, bytes: 8 * n * d }),
} as const satisfies Contract<"layerNorm", LayerNormSizes>;

export const layerNormGradient = {
  name: "layerNormGradient",
  operands: {
    dx: { role: "inout", shape: ({ n, d }) => [n, d] },
    dGamma: { role: "inout", shape: ({ d }) => [d] },
    dBeta: { role: "inout", shape: ({ d }) => [d] },
    x: { role: "in", shape: ({ n, d }) => [n, d] },
    gamma: { role: "in", shape: ({ d }) => [d] },
    dOut: { role: "in", shape: ({ n, d }) => [n, d] },
  },
  cost: ({ n, d }) => ({ macs: 0, elements: 2 * n * d, bytes: 16 * n * d }),
} as const satisfies Contract<"layerNormGradient", LayerNormSizes>;
