// The part of ndarray-ops (https://github.com/scijs/ndarray-ops) that the reference forms use; the package ships no types.
declare module "ndarray-ops" {
  import type { NdArray, TypedArray } from "ndarray";

  type Matrix = NdArray<TypedArray>;

  /** a = b. */
  export function assign(a: Matrix, b: Matrix): Matrix;
  /** a = s. */
  export function assigns(a: Matrix, s: number): Matrix;
  /** a = b + c. */
  export function add(a: Matrix, b: Matrix, c: Matrix): Matrix;
  /** a += b. */
  export function addeq(a: Matrix, b: Matrix): Matrix;
  /** a −= s. */
  export function subseq(a: Matrix, s: number): Matrix;
  /** a = b · s. */
  export function muls(a: Matrix, b: Matrix, s: number): Matrix;
  /** a ·= b. */
  export function muleq(a: Matrix, b: Matrix): Matrix;
  /** a ·= s. */
  export function mulseq(a: Matrix, s: number): Matrix;
  /** a /= s. */
  export function divseq(a: Matrix, s: number): Matrix;
  /** a = e^a. */
  export function expeq(a: Matrix): Matrix;
  /** Σ a. */
  export function sum(a: Matrix): number;
  /** Σ a². */
  export function norm2squared(a: Matrix): number;
  /** The largest value (−∞ of nothing). */
  export function sup(a: Matrix): number;
}
