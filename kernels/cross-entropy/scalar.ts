/** Cross-entropy and its gradient by plain loops; the sums are float64. */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { CrossEntropyArgs, CrossEntropyGradientArgs } from "./contract.ts";

export function crossEntropy({ loss, logits, labels, n, c }: CrossEntropyArgs<ScalarHandle>): void {
  const [result, scores, label] = [loss.data, logits.data, labels.data];
  for (let i = 0; i < n; i++) {
    result[i] = label[i] < 0 ? 0 : logSumExp(scores, i * c, c) - scores[i * c + label[i]];
  }
}

export function crossEntropyGradient(args: CrossEntropyGradientArgs<ScalarHandle>): void {
  const { n, c } = args;
  const [dLogits, scores, label, dLoss] = [args.dLogits.data, args.logits.data, args.labels.data, args.dLoss.data];
  for (let i = 0; i < n; i++) {
    if (label[i] < 0) continue;
    const total = logSumExp(scores, i * c, c);
    for (let j = 0; j < c; j++) {
      const at = i * c + j;
      dLogits[at] += dLoss[i] * (Math.exp(scores[at] - total) - (j === label[i] ? 1 : 0));
    }
  }
}

/** log Σ exp of `c` values from `start`, each times `scale` > 0, in float64 and without overflow. */
export function logSumExp(values: Float32Array | Int32Array, start: number, c: number, scale = 1): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let j = start; j < start + c; j++) if (values[j] > max) max = values[j];
  let sum = 0;
  for (let j = start; j < start + c; j++) sum += Math.exp(scale * (values[j] - max));
  return scale * max + Math.log(sum);
}
