/** The matrix product of a linear layer, and its two gradients, in float64. Packed weights are plain [k, m] here. */
import { geluOf } from "../gelu/reference.ts";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { Activation, MatmulArgs } from "./contract.ts";
import type { MatmulInputGradientArgs, MatmulWeightGradientArgs } from "./gradient-contract.ts";

export function matmul(args: MatmulArgs<ReferenceHandle>): void {
  const { n, k, m, activation } = args;
  const [out, a, weights] = [nd(args.out, n, m), nd(args.a, n, k), nd(args.weights, k, m)];
  const bias = args.bias && nd(args.bias, m);
  const residual = args.residual && nd(args.residual, n, m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = bias ? bias.get(j) : 0;
      for (let p = 0; p < k; p++) sum += a.get(i, p) * weights.get(p, j);
      out.set(i, j, activate(sum, activation) + (residual ? residual.get(i, j) : 0));
    }
  }
}

export function activate(x: number, activation: Activation | undefined): number {
  if (activation === "gelu") return geluOf(x);
  return activation === "tanh" ? Math.tanh(x) : x;
}

export function matmulInputGradient(args: MatmulInputGradientArgs<ReferenceHandle>): void {
  const { n, k, m } = args;
  const [dInput, dOut, weights] = [nd(args.dInput, n, k), nd(args.dOut, n, m), nd(args.weights, m, k)];
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < k; p++) {
      let sum = 0;
      for (let j = 0; j < m; j++) sum += dOut.get(i, j) * weights.get(j, p);
      dInput.set(i, p, dInput.get(i, p) + sum);
    }
  }
}

export function matmulWeightGradient(args: MatmulWeightGradientArgs<ReferenceHandle>): void {
  const { n, k, m } = args;
  const [dWeights, a, dOut] = [nd(args.dWeights, m, k), nd(args.a, n, k), nd(args.dOut, n, m)];
  const dBias = args.dBias && nd(args.dBias, m);
  for (let j = 0; j < m; j++) {
    for (let i = 0; i < n; i++) {
      const g = dOut.get(i, j);
      dBias?.set(j, dBias.get(j) + g);
      for (let p = 0; p < k; p++) dWeights.set(j, p, dWeights.get(j, p) + g * a.get(i, p));
    }
  }
}
