/**
 * The product of a linear layer in 8-bit integers: the product, in float64, of what the integers stand for.
 * Packed weights are the integers [k, m], and after them the scales [m].
 */
import type { Int8Matrix } from "../../engine/backend.ts";
import { activate } from "../matmul/reference.ts";
import { nd, type ReferenceHandle } from "../nd.ts";
import type { MatmulInt8Args } from "./contract.ts";
import { quantiseRow } from "./quantise.ts";

export function packInt8({ m, k, values, scales }: Int8Matrix): Float64Array {
  const packed = new Float64Array(k * m + m);
  for (let j = 0; j < m; j++) for (let p = 0; p < k; p++) packed[p * m + j] = values[j * k + p];
  packed.set(scales, k * m);
  return packed;
}

export function matmulInt8(args: MatmulInt8Args<ReferenceHandle>): void {
  const { n, k, m, activation } = args;
  const [out, q] = [nd(args.out, n, m), nd(args.weights, k, m)];
  const scales = args.weights.data.subarray(k * m);
  const bias = args.bias && nd(args.bias, m);
  const residual = args.residual && nd(args.residual, n, m);
  const row = new Float64Array(k);
  for (let i = 0; i < n; i++) {
    const { mid, scale } = quantiseRow(args.a.data, i * k, k, row);
    for (let j = 0; j < m; j++) {
      let sum = bias ? bias.get(j) : 0;
      for (let p = 0; p < k; p++) sum += (mid + scale * row[p]) * (scales[j] * q.get(p, j));
      out.set(i, j, activate(sum, activation) + (residual ? residual.get(i, j) : 0));
    }
  }
}
