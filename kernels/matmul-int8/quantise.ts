/**
 * Floats to 8-bit integers, as matmulInt8's contract defines it: a weight matrix once, and the grid of an activation row.
 * Every operation is a float32 one, so that other forms can do exactly the same. It packs nothing.
 */
import type { Int8Matrix } from "../../engine/backend.ts";
import type { View } from "../../engine/view.ts";

/** Weights are integers from −63 to 63. */
export const weightLevels = 63;
/** Activations are integers from −127 to 127. */
export const activationLevels = 127;
/** A row whose values are no further than this from their middle counts as constant: 127 / r must be a number. */
export const smallestRadius = 2 ** -100;

/** Adding and taking away 1.5 · 2⁵² rounds a double below 2⁵¹ to the nearest integer, ties to even. */
const roundingShift = 1.5 * 2 ** 52;
export const nearestEven = (x: number): number => x + roundingShift - roundingShift;

/** Weights [k, m] with one scale for each of the m outputs: c = max |w| / 63. A row with NaN or an infinity gets the scale NaN. */
export function quantiseWeights(matrix: View<Float32Array | Float64Array>): Int8Matrix {
  const [k, m] = matrix.shape;
  const [down, across] = matrix.stride;
  const { data, offset } = matrix;
  const values = new Int8Array(m * k);
  const scales = new Float32Array(m);
  for (let j = 0; j < m; j++) {
    const first = offset + j * across;
    let largest = 0;
    for (let p = 0, at = first; p < k; p++, at += down) largest = Math.max(largest, Math.abs(data[at]));
    if (largest === 0) continue;
    const scale = Math.fround(Math.fround(largest) / weightLevels);
    scales[j] = Number.isFinite(scale) ? scale : Number.NaN;
    // Rounding the scale moves ±largest by far less than half a step: all integers stay within ±63.
    const inverse = scale >= smallestRadius ? Math.fround(1 / scale) : 0;
    for (let p = 0, at = first, to = j * k; p < k; p++, at += down, to++)
      values[to] = nearestEven(Math.fround(Math.fround(data[at]) * inverse));
  }
  return { m, k, values, scales };
}

/** Where the integers of an activation row lie: x ≈ mid + scale · b with b = nearest((x − mid) · inverse). */
export interface RowGrid {
  readonly mid: number;
  readonly scale: number;
  readonly inverse: number;
}

/** The grid of a row from its least and its largest value. */
export function rowGrid(min: number, max: number): RowGrid {
  const f = Math.fround;
  const mid = f(f(0.5 * min) + f(0.5 * max));
  const radius = Math.max(f(max - mid), f(mid - min));
  const inverse = radius > smallestRadius ? f(activationLevels / radius) : 0;
  return { mid, scale: f(radius / activationLevels), inverse };
}

/** The integers of `row` into `to`, and its grid. An empty row is all 0. */
export function quantiseRow(
  row: ArrayLike<number>,
  first: number,
  k: number,
  to: Float64Array | Float32Array,
): RowGrid {
  if (k === 0) return { mid: 0, scale: 0, inverse: 0 };
  let [min, max] = [row[first], row[first]];
  for (let p = 1; p < k; p++) {
    const x = row[first + p];
    min = Math.min(min, x);
    max = Math.max(max, x);
  }
  const grid = rowGrid(min, max);
  const { mid, inverse } = grid;
  for (let p = 0; p < k; p++) to[p] = nearestEven(Math.fround(Math.fround(row[first + p] - mid) * inverse));
  return grid;
}
