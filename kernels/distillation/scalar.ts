/** Kullback–Leibler divergence from a teacher, and its gradient, by plain loops; the sums are float64. */
import { logSumExp } from "../cross-entropy/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import type { DistillationArgs, DistillationGradientArgs } from "./contract.ts";

export function distillation(args: DistillationArgs<ScalarHandle>): void {
  const { loss, logits, targets, temperature, n, c } = args;
  const [result, scores, target] = [loss.data, logits.data, targets.data];
  for (let i = 0; i < n; i++) {
    const total = logSumExp(scores, i * c, c, 1 / temperature);
    let sum = 0;
    for (let j = i * c; j < i * c + c; j++) {
      if (target[j] !== 0) sum += target[j] * (Math.log(target[j]) - (scores[j] / temperature - total));
    }
    result[i] = temperature ** 2 * sum;
  }
}

export function distillationGradient(args: DistillationGradientArgs<ScalarHandle>): void {
  const { temperature, n, c } = args;
  const [dLogits, scores, target, dLoss] = [args.dLogits.data, args.logits.data, args.targets.data, args.dLoss.data];
  for (let i = 0; i < n; i++) {
    const total = logSumExp(scores, i * c, c, 1 / temperature);
    const g = dLoss[i] * temperature;
    for (let j = i * c; j < i * c + c; j++) dLogits[j] += g * (Math.exp(scores[j] / temperature - total) - target[j]);
  }
}
