/** Softmax and its gradient by plain loops; the sums are float64. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { SoftmaxArgs, SoftmaxGradientArgs } from "./contract.ts";

export function softmax({ out, x, n, m }: SoftmaxArgs<ScalarHandle>): void {
  const [y, from] = [out.data, x.data];
  for (let start = 0; start < n * m; start += m) {
    const end = start + m;
    let max = Number.NEGATIVE_INFINITY;
    for (let j = start; j < end; j++) if (from[j] > max) max = from[j];
    let sum = 0;
    for (let j = start; j < end; j++) {
      const e = Math.exp(from[j] - max);
      y[j] = e;
      sum += e;
    }
    for (let j = start; j < end; j++) y[j] /= sum;
  }
}

export function softmaxGradient({ dx, out, dOut, n, m }: SoftmaxGradientArgs<ScalarHandle>): void {
  const [result, y, dy] = [dx.data, out.data, dOut.data];
  for (let start = 0; start < n * m; start += m) {
    const end = start + m;
    let mean = 0;
    for (let j = start; j < end; j++) mean += y[j] * dy[j];
    for (let j = start; j < end; j++) result[j] += y[j] * (dy[j] - mean);
  }
}
