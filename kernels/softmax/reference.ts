/** Softmax and its gradient in float64. */
import ops from "ndarray-ops";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { SoftmaxArgs, SoftmaxGradientArgs } from "./contract.ts";

export function softmax({ out, x, n, m }: SoftmaxArgs<ReferenceHandle>): void {
  const y = nd(out, n, m);
  ops.assign(y, nd(x, n, m));
  for (let i = 0; i < n; i++) {
    const row = y.pick(i, null);
    ops.subseq(row, ops.sup(row));
    ops.expeq(row);
    ops.divseq(row, ops.sum(row));
  }
}

export function softmaxGradient({ dx, out, dOut, n, m }: SoftmaxGradientArgs<ReferenceHandle>): void {
  const [y, dy, result] = [nd(out, n, m), nd(dOut, n, m), nd(dx, n, m)];
  for (let i = 0; i < n; i++) {
    let mean = 0;
    for (let j = 0; j < m; j++) mean += y.get(i, j) * dy.get(i, j);
    for (let j = 0; j < m; j++) result.set(i, j, result.get(i, j) + y.get(i, j) * (dy.get(i, j) - mean));
  }
}
