/** Layer normalisation and its gradient in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { LayerNormArgs, LayerNormGradientArgs } from "./contract.ts";

export function layerNorm({ out, x, gamma, beta, eps, n, d }: LayerNormArgs<ReferenceHandle>): void {
  const y = nd(out, n, d);
  ops.assign(y, nd(x, n, d));
  for (let i = 0; i < n; i++) {
    const row = y.pick(i, null);
    ops.subseq(row, ops.sum(row) / d);
    ops.mulseq(row, 1 / Math.sqrt(ops.norm2squared(row) / d + eps));
    ops.muleq(row, nd(gamma, d));
    ops.addeq(row, nd(beta, d));
  }
}

// With x̂ the normalised row, σ its deviation and g = dOut ∘ gamma:  dx = (g − mean(g) − x̂ · mean(g ∘ x̂)) / σ.
export function layerNormGradient(args: LayerNormGradientArgs<ReferenceHandle>): void {
  const { n, d, eps } = args;
  const [x, dOut, dx] = [nd(args.x, n, d), nd(args.dOut, n, d), nd(args.dx, n, d)];
  const [gamma, dGamma, dBeta] = [nd(args.gamma, d), nd(args.dGamma, d), nd(args.dBeta, d)];
  for (let i = 0; i < n; i++) {
    const row = x.pick(i, null);
    const mean = ops.sum(row) / d;
    let variance = 0;
    for (let j = 0; j < d; j++) variance += (row.get(j) - mean) ** 2 / d;
    const deviation = Math.sqrt(variance + eps);
    const normal = (j: number): number => (row.get(j) - mean) / deviation;
    let [sum, product] = [0, 0];
    for (let j = 0; j < d; j++) {
      const g = dOut.get(i, j) * gamma.get(j);
      sum += g / d;
      product += (g * normal(j)) / d;
      dGamma.set(j, dGamma.get(j) + dOut.get(i, j) * normal(j));
      dBeta.set(j, dBeta.get(j) + dOut.get(i, j));
    }
    for (let j = 0; j < d; j++) {
      const change = (dOut.get(i, j) * gamma.get(j) - sum - normal(j) * product) / deviation;
      dx.set(i, j, dx.get(i, j) + change);
    }
  }
}
