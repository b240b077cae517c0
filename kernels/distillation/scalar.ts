/** Kullback–Leibler divergence from a teacher, and its gradient, by plain loops; the sums are float64. */
import { logSumExp } from "../cross-entropy/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import type { DistillationArgs, DistillationGradientArgs } from "./contract.ts";

export function distillation({ loss, logits, targets, n, c }: DistillationArgs<ScalarHandle>): void {
  const [result, scores, target] = [loss.data, logits.data, targets.data];
  for (let i = 0; i < n; i++) {
    const total = logSumExp(scores, i * c, c);
    let sum = 0;
    for (let j = i * c; j < i * c + c; j++) {
      if (target[j] !== 0) sum += target[j] * (Math.log(target[j]) - (scores[j] - total));
    }
    result[i] = sum;
  }
}

export function distillationGradient(args: DistillationGradientArgs<ScalarHandle>): void {
  const { n, c } = args;
  const [dLogits, scores, target, dLoss] = [args.dLogits.data, args.logits.data, args.targets.data, args.dLoss.data];
  for (let i = 0; i < n; i++) {
    const total = logSumExp(scores, i * c, c);
    for (let j = i * c; j < i * c + c; j++) dLogits[j] += dLoss[i] * (Math.exp(scores[j] - total) - target[j]);
  }
}
