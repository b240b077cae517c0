/** Layer normalisation by plain loops; mean and variance are float64, in two passes (no cancellation). */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { LayerNormArgs } from "./contract.ts";

export function layerNorm({ out, x, gamma, beta, eps, n, d }: LayerNormArgs<ScalarHandle>): void {
  const [y, from, scale, shift] = [out.data, x.data, gamma.data, beta.data];
  for (let i = 0; i < n; i++) {
    const start = i * d;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += from[start + j];
    const mean = sum / d;
    let squares = 0;
    for (let j = 0; j < d; j++) {
      const centred = from[start + j] - mean;
      squares += centred * centred;
    }
    const inverse = 1 / Math.sqrt(squares / d + eps);
    for (let j = 0; j < d; j++) y[start + j] = (from[start + j] - mean) * inverse * scale[j] + shift[j];
  }
}
