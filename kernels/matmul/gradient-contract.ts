/**
 * The two gradients of a linear layer out = a · Wᵀ + bias, with W [m, k] as checkpoints store it:
 *
 *   matmulInputGradient:   dInput[n, k]   += dOut[n, m] · W[m, k]
 *   matmulWeightGradient:  dWeights[m, k] += dOut[n, m]ᵀ · a[n, k],   dBias[m] += Σ_n dOut[n, m]
 *
 * W is a plain f32 buffer here, not a packed one: its rows are already what this product reads.
 */
import type { Contract } from "../contract.ts";
import type { MatmulSizes } from "./contract.ts";

export interface MatmulInputGradientArgs<H> extends MatmulSizes {
  dInput: H;
  dOut: H;
  weights: H;
}
export interface MatmulWeightGradientArgs<H> extends MatmulSizes {
  dWeights: H;
  dBias?: H | undefined;
  a: H;
  dOut: H;
}

export const matmulInputGradient = {
  name: "matmulInputGradient",
  operands: {
    dInput: { role: "inout", shape: ({ n, k }) => [n, k] },
    dOut: { role: "in", shape: ({ n, m }) => [n, m] },
    weights: { role: "in", shape: ({ k, m }) => [m, k] },
  },
  cost: ({ n, k, m }) => ({ macs: n * k * m, elements: 0, bytes: 4 * (2 * n * k + k * m + n * m) }),
} as const satisfies Contract<"matmulInputGradient", MatmulSizes>;

export const matmulWeightGradient = {
  name: "matmulWeightGradient",
  operands: {
    dWeights: { role: "inout", shape: ({ k, m }) => [m, k] },
    dBias: { role: "inout", shape: ({ m }) => [m], optional: true },
    a: { role: "in", shape: ({ n, k }) => [n, k] },
    dOut: { role: "in", shape: ({ n, m }) => [n, m] },
  },
  cost: ({ n, k, m }) => ({ macs: n * k * m, elements: n * m, bytes: 4 * (n * k + 2 * k * m + n * m) }),
} as const satisfies Contract<"matmulWeightGradient", MatmulSizes>;
