/** Cross-entropy and its gradient in float64. */
import type { NdArray } from "ndarray";
import ops from "ndarray-ops";
import { nd, type ReferenceCells, type ReferenceHandle, zeros } from "../nd.ts";
import type { CrossEntropyArgs, CrossEntropyGradientArgs } from "./contract.ts";

export function crossEntropy({ loss, logits, labels, n, c }: CrossEntropyArgs<ReferenceHandle>): void {
  const [result, scores, label] = [nd(loss, n), nd(logits, n, c), nd(labels, n)];
  for (let i = 0; i < n; i++) {
    const asked = label.get(i) >= 0;
    result.set(i, asked ? -logSoftmax(scores.pick(i, null)).get(label.get(i)) : 0);
  }
}

export function crossEntropyGradient(args: CrossEntropyGradientArgs<ReferenceHandle>): void {
  const { n, c } = args;
  const [dLogits, scores, label] = [nd(args.dLogits, n, c), nd(args.logits, n, c), nd(args.labels, n)];
  for (let i = 0; i < n; i++) {
    if (label.get(i) < 0) continue;
    const g = nd(args.dLoss, n).get(i);
    const logs = logSoftmax(scores.pick(i, null));
    for (let j = 0; j < c; j++) {
      const change = Math.exp(logs.get(j)) - (j === label.get(i) ? 1 : 0);
      dLogits.set(i, j, dLogits.get(i, j) + g * change);
    }
  }
}

/** log softmax of one row, as a new array. */
export function logSoftmax(row: NdArray<ReferenceCells>): NdArray<ReferenceCells> {
  const [logs, powers] = [zeros(row.shape[0]), zeros(row.shape[0])];
  ops.assign(logs, row);
  ops.subseq(logs, ops.sup(row));
  ops.assign(powers, logs);
  ops.subseq(logs, Math.log(ops.sum(ops.expeq(powers))));
  return logs;
}
