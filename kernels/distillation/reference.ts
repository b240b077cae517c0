/** Kullback–Leibler divergence from a teacher, and its gradient, in float64. */
import { logSoftmax } from "../cross-entropy/reference.ts";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { DistillationArgs, DistillationGradientArgs } from "./contract.ts";

export function distillation({ loss, logits, targets, n, c }: DistillationArgs<ReferenceHandle>): void {
  const [result, scores, target] = [nd(loss, n), nd(logits, n, c), nd(targets, n, c)];
  for (let i = 0; i < n; i++) {
    const logs = logSoftmax(scores.pick(i, null));
    let sum = 0;
    for (let j = 0; j < c; j++) {
      const t = target.get(i, j);
      if (t !== 0) sum += t * (Math.log(t) - logs.get(j));
    }
    result.set(i, sum);
  }
}

export function distillationGradient(args: DistillationGradientArgs<ReferenceHandle>): void {
  const { n, c } = args;
  const [dLogits, scores, target] = [nd(args.dLogits, n, c), nd(args.logits, n, c), nd(args.targets, n, c)];
  for (let i = 0; i < n; i++) {
    const g = nd(args.dLoss, n).get(i);
    const logs = logSoftmax(scores.pick(i, null));
    for (let j = 0; j < c; j++) {
      dLogits.set(i, j, dLogits.get(i, j) + g * (Math.exp(logs.get(j)) - target.get(i, j)));
    }
  }
}
