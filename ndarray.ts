/**
 * `taperbert/ndarray`: from our views to ndarrays and back. Both share the data; nothing is copied.
 * This is the only public entry that needs the `ndarray` package, which builds code from strings and therefore
 * cannot run under a Content-Security-Policy without 'unsafe-eval'.
 */
import ndarray, { type NdArray } from "ndarray";
import type { View } from "./engine/view.ts";

export type { View } from "./engine/view.ts";

type Cells = Float32Array | Float64Array | Int32Array;

/** The view as an ndarray over the same data, shape, stride and offset. Source: https://github.com/scijs/ndarray */
export function toNdarray<T extends Cells>(view: View<T>): NdArray<T> {
  return ndarray<T>(view.data, [...view.shape], [...view.stride], view.offset);
}

/** The ndarray as a view over the same data: any picked, stepped or transposed array will do. */
export function fromNdarray<T extends Cells>(array: NdArray<T>): View<T> {
  return { data: array.data, shape: [...array.shape], stride: [...array.stride], offset: array.offset };
}
