/** Kullback–Leibler divergence from a teacher, and its gradient, in float64. */
import type { NdArray } from "ndarray";
import { logSoftmax } from "../cross-entropy/reference.ts";
import { nd, type ReferenceCells, type ReferenceHandle, zeros } from "../nd.ts";
import type { DistillationArgs, DistillationGradientArgs } from "./contract.ts";

export function distillation(args: DistillationArgs<ReferenceHandle>): void {
  const { loss, logits, targets, temperature, n, c } = args;
  const [result, scores, target] = [nd(loss, n), nd(logits, n, c), nd(targets, n, c)];
  for (let i = 0; i < n; i++) {
    const logs = logSoftmax(cooled(scores.pick(i, null), temperature));
    let sum = 0;
    for (let j = 0; j < c; j++) {
      const t = target.get(i, j);
      if (t !== 0) sum += t * (Math.log(t) - logs.get(j));
    }
    result.set(i, temperature ** 2 * sum);
  }
}

export function distillationGradient(args: DistillationGradientArgs<ReferenceHandle>): void {
  const { temperature, n, c } = args;
  const [dLogits, scores, target] = [nd(args.dLogits, n, c), nd(args.logits, n, c), nd(args.targets, n, c)];
  for (let i = 0; i < n; i++) {
    const g = nd(args.dLoss, n).get(i);
    const logs = logSoftmax(cooled(scores.pick(i, null), temperature));
    for (let j = 0; j < c; j++) {
      dLogits.set(i, j, dLogits.get(i, j) + g * temperature * (Math.exp(logs.get(j)) - target.get(i, j)));
    }
  }
}

function cooled(row: NdArray<ReferenceCells>, temperature: number): NdArray<ReferenceCells> {
  const scaled = zeros(row.shape[0]);
  for (let j = 0; j < row.shape[0]; j++) scaled.set(j, row.get(j) / temperature);
  return scaled;
}
