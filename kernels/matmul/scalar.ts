/**
 * The matrix product by plain loops: a tile of 2 rows × 4 columns in local variables, weights in panels of 4 columns.
 * Accumulators are float64: V8 multiplies doubles twice as fast as it rounds every step to float32.
 */
import type { View } from "../../engine/view.ts";
import { geluOf } from "../gelu/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import type { MatmulArgs } from "./contract.ts";

const WIDTH = 4;
type Floats = Float32Array | Int32Array;

/** Weights [k, m] as panels [⌈m/4⌉][k][4], the last one padded with zeros. */
export function packPanels(matrix: View<Float32Array | Float64Array>): Float32Array {
  const [k, m] = matrix.shape;
  const [down, across] = matrix.stride;
  const packed = new Float32Array(packedLength(k, m));
  for (let j = 0; j < m; j++) {
    const panel = (j - (j % WIDTH)) * k + (j % WIDTH);
    for (let p = 0; p < k; p++) packed[panel + p * WIDTH] = matrix.data[matrix.offset + p * down + j * across];
  }
  return packed;
}

/** The number of values that packed weights [k, m] take. */
export function packedLength(k: number, m: number): number {
  return Math.ceil(m / WIDTH) * WIDTH * k;
}

export function matmul({ out, a, weights, bias, residual, activation, n, k, m }: MatmulArgs<ScalarHandle>): void {
  const y = out.data;
  const start = new Float64Array(WIDTH);
  for (let j = 0; j < m; j += WIDTH) {
    for (let c = 0; c < WIDTH; c++) start[c] = bias && j + c < m ? bias.data[j + c] : 0;
    let i = 0;
    for (; i + 1 < n; i += 2) twoRows(y, a.data, weights.data, start, i, j, k, m);
    if (i < n) oneRow(y, a.data, weights.data, start, i, j, k, m);
  }
  const size = n * m;
  if (activation === "gelu") for (let o = 0; o < size; o++) y[o] = geluOf(y[o]);
  if (activation === "tanh") for (let o = 0; o < size; o++) y[o] = Math.tanh(y[o]);
  if (residual) for (let o = 0; o < size; o++) y[o] += residual.data[o];
}

function twoRows(
  out: Floats,
  a: Floats,
  weights: Floats,
  start: Float64Array,
  i: number,
  j: number,
  k: number,
  m: number,
): void {
  let [c00, c01, c02, c03] = [start[0], start[1], start[2], start[3]];
  let [c10, c11, c12, c13] = [c00, c01, c02, c03];
  const first = i * k;
  const second = first + k;
  for (let p = 0, w = j * k; p < k; p++, w += WIDTH) {
    const x = a[first + p];
    const y = a[second + p];
    const b0 = weights[w];
    const b1 = weights[w + 1];
    const b2 = weights[w + 2];
    const b3 = weights[w + 3];
    c00 += x * b0;
    c01 += x * b1;
    c02 += x * b2;
    c03 += x * b3;
    c10 += y * b0;
    c11 += y * b1;
    c12 += y * b2;
    c13 += y * b3;
  }
  store(out, i * m + j, m - j, c00, c01, c02, c03);
  store(out, i * m + m + j, m - j, c10, c11, c12, c13);
}

function oneRow(
  out: Floats,
  a: Floats,
  weights: Floats,
  start: Float64Array,
  i: number,
  j: number,
  k: number,
  m: number,
): void {
  let [c0, c1, c2, c3] = [start[0], start[1], start[2], start[3]];
  for (let p = 0, w = j * k; p < k; p++, w += WIDTH) {
    const x = a[i * k + p];
    c0 += x * weights[w];
    c1 += x * weights[w + 1];
    c2 += x * weights[w + 2];
    c3 += x * weights[w + 3];
  }
  store(out, i * m + j, m - j, c0, c1, c2, c3);
}

function store(out: Floats, at: number, width: number, c0: number, c1: number, c2: number, c3: number): void {
  out[at] = c0;
  if (width > 1) out[at + 1] = c1;
  if (width > 2) out[at + 2] = c2;
  if (width > 3) out[at + 3] = c3;
}
