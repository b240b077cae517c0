/** blend and its gradient by plain loops. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { BlendArgs, BlendGradientArgs } from "./contract.ts";

export function blend({ out, mask, a, b, n, d }: BlendArgs<ScalarHandle>): void {
  const [y, m, left, right] = [out.data, mask.data, a.data, b.data];
  for (let i = 0; i < n; i++) {
    const [start, end] = [i * d, i * d + d];
    const [p, q] = [m[i], 1 - m[i]];
    // An exact choice copies: 0 · NaN would leak.
    if (q === 0) for (let j = start; j < end; j++) y[j] = left[j];
    else if (p === 0) for (let j = start; j < end; j++) y[j] = right[j];
    else for (let j = start; j < end; j++) y[j] = p * left[j] + q * right[j];
  }
}

export function blendGradient(args: BlendGradientArgs<ScalarHandle>): void {
  const { n, d } = args;
  const [a, b, dOut, mask] = [args.a.data, args.b.data, args.dOut.data, args.mask.data];
  const [dA, dB, dMask] = [args.dA.data, args.dB.data, args.dMask.data];
  for (let i = 0; i < n; i++) {
    const m = mask[i];
    let sum = 0;
    for (let j = i * d; j < i * d + d; j++) {
      const g = dOut[j];
      dA[j] += m * g;
      dB[j] += (1 - m) * g;
      sum += (a[j] - b[j]) * g;
    }
    dMask[i] += sum;
  }
}
