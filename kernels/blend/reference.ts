/** blend and its gradient in float64. */
import { nd, type ReferenceHandle } from "../nd.ts";
import type { BlendArgs, BlendGradientArgs } from "./contract.ts";

export function blend({ out, mask, a, b, n, d }: BlendArgs<ReferenceHandle>): void {
  const [y, m, left, right] = [nd(out, n, d), nd(mask, n), nd(a, n, d), nd(b, n, d)];
  for (let i = 0; i < n; i++) {
    // A weight of 0 is absence, not a product: 0 · NaN would leak.
    const [p, q] = [m.get(i), 1 - m.get(i)];
    for (let j = 0; j < d; j++) {
      y.set(i, j, (p === 0 ? 0 : p * left.get(i, j)) + (q === 0 ? 0 : q * right.get(i, j)));
    }
  }
}

export function blendGradient(args: BlendGradientArgs<ReferenceHandle>): void {
  const { n, d } = args;
  const [a, b, dOut, mask] = [nd(args.a, n, d), nd(args.b, n, d), nd(args.dOut, n, d), nd(args.mask, n)];
  const [dA, dB, dMask] = [nd(args.dA, n, d), nd(args.dB, n, d), nd(args.dMask, n)];
  for (let i = 0; i < n; i++) {
    const m = mask.get(i);
    for (let j = 0; j < d; j++) {
      const g = dOut.get(i, j);
      dA.set(i, j, dA.get(i, j) + m * g);
      dB.set(i, j, dB.get(i, j) + (1 - m) * g);
      dMask.set(i, dMask.get(i) + (a.get(i, j) - b.get(i, j)) * g);
    }
  }
}
