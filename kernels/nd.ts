/// <reference path="./ndarray-ops.d.ts" />
/**
 * How a reference form sees its operands: as ndarrays of float64 over the handle's own memory.
 * Nothing outside the reference backend may import this file: ndarray builds code from strings.
 */
import ndarray, { type NdArray } from "ndarray";
import type { ArrayHandle } from "../engine/backend.ts";

export type ReferenceCells = Float64Array | Int32Array;
export type ReferenceHandle = ArrayHandle<ReferenceCells>;

/** The handle's first values as an array of that shape, row-major; writing to it writes to the handle. */
export function nd(handle: ReferenceHandle, ...shape: number[]): NdArray<ReferenceCells> {
  return ndarray<ReferenceCells>(handle.data, shape);
}

/** A new array of zeros. */
export function zeros(...shape: number[]): NdArray<ReferenceCells> {
  const size = shape.reduce((product, side) => product * side, 1);
  return ndarray<ReferenceCells>(new Float64Array(size), shape);
}
