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
  const areWords = group === 4 && offset === 64 && k % 4 === 0 && values.byteOffset % 4 === 0;
  const put = areWords ? wordsOf : bytesOf;
  const putRow = put(new Int8Array(target, at, parts.scales), matrix, layout);
  new Float32Array(target, at + parts.scales, m).set(scales);
  const shifts = new Float32Array(target, at + parts.shifts, m);
  for (let j = 0; j < m; j++) {
    const first = Math.floor(j / width) * parts.panelBytes + (j % width) * group;
    shifts[j] = scales[j] * putRow(j, first);
  }
}

/** Puts row j of a matrix where its first group belongs, and the next ones a step further each. Returns the sum of its integers. */
type PutRow = (j: number, first: number) => number;

function bytesOf(to: Int8Array, { k, values }: Int8Matrix, { width, group, offset }: Int8Layout): PutRow {
  const step = width * group;
  return (j, first) => {
    let sum = 0;
    for (let g = 0; g < group; g++) {
      for (let p = g, place = first + g; p < k; p += group, place += step) {
        const value = values[j * k + p];
        sum += value;
        to[place] = value + offset;
      }
    }
    return sum;
  };
}

/** The same, four integers at a time, which takes a third of the time: groups of 4, rows of whole words, 64 added. */
function wordsOf(to: Int8Array, { m, k, values }: Int8Matrix, { width }: Int8Layout): PutRow {
  const words = new Int32Array(values.buffer, values.byteOffset, (m * k) / 4);
  const places = new Int32Array(to.buffer, to.byteOffset, to.length / 4);
  return (j, first) => {
    let sum = 0;
    for (let g = (j * k) / 4, place = first / 4; g < ((j + 1) * k) / 4; g++, place += width) {
      const word = words[g];
      sum += ((word << 24) >> 24) + ((word << 16) >> 24) + ((word << 8) >> 24) + (word >> 24);
      // Within seven bits an exclusive or adds 64, and nothing is carried into the next byte.
      places[place] = (word & 0x7f7f7f7f) ^ 0x40404040;
    }
    return sum;
  };
}
