/**
 * The tensor view: ndarray's four fields over flat data, and nothing else.
 * Because the fields are ndarray's own, `ndarray(v.data, v.shape, v.stride, v.offset)` and back need no conversion.
 * A view owns no memory and does no arithmetic.
 * Source: https://github.com/scijs/ndarray
 */

export type FloatData = Float32Array | Float64Array;

/** A window on flat data, with ndarray's four fields. Source: https://github.com/scijs/ndarray */
export interface View<T extends ArrayLike<number> = Float32Array> {
  /** The values; a view never owns or copies them. */
  readonly data: T;
  /** The length of each side. */
  readonly shape: readonly number[];
  /** Values from one entry to the next along each side. */
  readonly stride: readonly number[];
  /** Where in `data` the first entry is. */
  readonly offset: number;
}

/** A row-major view of `data` with the given shape. Throws RangeError if `data` is too short. */
export function view<T extends ArrayLike<number>>(data: T, shape: readonly number[], offset = 0): View<T> {
  const stride = new Array<number>(shape.length);
  let size = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = size;
    size *= shape[axis];
  }
  if (offset + size > data.length) {
    throw new RangeError(
      `a view of shape [${shape}] at offset ${offset} needs ${offset + size} values, found ${data.length}`,
    );
  }
  return { data, shape, stride, offset };
}

/** The same data with its two axes exchanged; nothing is copied. */
export function transpose<T extends ArrayLike<number>>(matrix: View<T>): View<T> {
  const [rows, columns] = matrix.shape;
  const [down, across] = matrix.stride;
  return { data: matrix.data, shape: [columns, rows], stride: [across, down], offset: matrix.offset };
}

/** The number of values a view shows. */
export function sizeOf(v: View<ArrayLike<number>>): number {
  return v.shape.reduce((product, side) => product * side, 1);
}

/** The values of a view in row-major order, as a new array. */
export function flatten(v: View<ArrayLike<number>>): Float32Array {
  const out = new Float32Array(sizeOf(v));
  const walk = (axis: number, from: number, to: number): number => {
    if (axis === v.shape.length) {
      out[to] = v.data[from];
      return to + 1;
    }
    for (let i = 0; i < v.shape[axis]; i++) to = walk(axis + 1, from + i * v.stride[axis], to);
    return to;
  };
  walk(0, v.offset, 0);
  return out;
}
