/**
 * The 8-bit product by plain loops, a row at a time against panels of 4 columns. It is as fast as the float32 one and no faster:
 * plain loops have no narrow arithmetic. Sums of integers are exact in the float64 accumulators.
 */
import type { Int8Matrix } from "../../engine/backend.ts";
import { geluOf } from "../gelu/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import type { MatmulInt8Args } from "./contract.ts";
import { quantiseRow } from "./quantise.ts";

const WIDTH = 4;

/** Integers as panels [⌈m/4⌉][k][4], the last one padded with zeros; then each column's scale, then its scale times its sum. */
export function packInt8({ m, k, values, scales }: Int8Matrix): Float32Array {
  const columns = Math.ceil(m / WIDTH) * WIDTH;
  const packed = new Float32Array(columns * (k + 2));
  for (let j = 0; j < m; j++) {
    const panel = (j - (j % WIDTH)) * k + (j % WIDTH);
    let sum = 0;
    for (let p = 0; p < k; p++) {
      packed[panel + p * WIDTH] = values[j * k + p];
      sum += values[j * k + p];
    }
    packed[columns * k + j] = scales[j];
    packed[columns * (k + 1) + j] = scales[j] * sum;
  }
  return packed;
}

export function matmulInt8(args: MatmulInt8Args<ScalarHandle>): void {
  const { out, a, weights, bias, residual, activation, n, k, m } = args;
  const [y, q] = [out.data, weights.data];
  const columns = Math.ceil(m / WIDTH) * WIDTH;
  const [scales, shifts] = [q.subarray(columns * k), q.subarray(columns * (k + 1))];
  const row = new Float64Array(k);
  const sums = new Float64Array(WIDTH);
  for (let i = 0; i < n; i++) {
    const { mid, scale } = quantiseRow(a.data, i * k, k, row);
    for (let j = 0; j < m; j++) {
      if (j % WIDTH === 0) panelSums(sums, row, q, j * k, k);
      let x = sums[j % WIDTH] * (scale * scales[j]) + mid * shifts[j] + (bias ? bias.data[j] : 0);
      if (activation === "gelu") x = geluOf(x);
      if (activation === "tanh") x = Math.tanh(x);
      y[i * m + j] = x + (residual ? residual.data[i * m + j] : 0);
    }
  }
}

function panelSums(
  sums: Float64Array,
  row: Float64Array,
  q: Float32Array | Int32Array,
  first: number,
  k: number,
): void {
  let [c0, c1, c2, c3] = [0, 0, 0, 0];
  for (let p = 0, w = first; p < k; p++, w += WIDTH) {
    const x = row[p];
    c0 += x * q[w];
    c1 += x * q[w + 1];
    c2 += x * q[w + 2];
    c3 += x * q[w + 3];
  }
  sums[0] = c0;
  sums[1] = c1;
  sums[2] = c2;
  sums[3] = c3;
}
