/**
 * How the fast forms lay out 8-bit weights: [panel][step of k][column][`group` neighbours in k], zero where there is no weight; then a
 * scale for each column, then its `shift`, what a row's middle is multiplied with: c_j · Σ_p q_pj.
 */
import type { Int8Matrix } from "../../engine/backend.ts";

export interface Int8Layout {
  /** Columns of a panel. */
  readonly width: number;
  /** Neighbours in k that one instruction adds up. */
  readonly group: number;
  /** Added to every weight: 64 where an instruction wants no negative ones. */
  readonly offset: number;
}

/** Where the parts of a packed matrix lie, in bytes from its beginning. */
export interface Int8Parts {
  readonly panelBytes: number;
  readonly scales: number;
  readonly shifts: number;
  readonly bytes: number;
}

export function partsOf(k: number, m: number, { width, group }: Int8Layout): Int8Parts {
  const panels = Math.ceil(m / width);
  const panelBytes = Math.ceil(k / group) * group * width;
  const scales = Math.ceil((panels * panelBytes) / 4) * 4;
  const shifts = scales + 4 * panels * width;
  return { panelBytes, scales, shifts, bytes: shifts + 4 * panels * width };
}

/** Packs `matrix` into `target`, which starts zeroed. */
export function packInt8(target: ArrayBufferLike, at: number, matrix: Int8Matrix, layout: Int8Layout): void {
  const { m, k, values, scales } = matrix;
  const { width, group, offset } = layout;
  const parts = partsOf(k, m, layout);
  const bytes = new Int8Array(target, at, parts.scales);
  new Float32Array(target, at + parts.scales, m).set(scales);
  const shifts = new Float32Array(target, at + parts.shifts, m);
  const step = width * group;
  for (let j = 0; j < m; j++) {
    const first = Math.floor(j / width) * parts.panelBytes + (j % width) * group;
    const from = j * k;
    let sum = 0;
    for (let g = 0; g < group; g++) {
      for (let p = g, to = first + g; p < k; p += group, to += step) {
        const value = values[from + p];
        sum += value;
        bytes[to] = value + offset;
      }
    }
    shifts[j] = scales[j] * sum;
  }
}
