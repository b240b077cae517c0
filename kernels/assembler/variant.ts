/**
 * The three builds of the WebAssembly kernels and what each assumes of the engine. Nothing is probed or switched on here.
 *
 * plain    128-bit SIMD, multiply and add rounded apart: every engine of today
 * relaxed  fused multiply-add (relaxed SIMD)
 * wide     relaxed, in tiles that V8's revectoriser (an experimental flag, Node ≥ 24) turns into 256-bit ones; slow without it
 */

import { f32x4, type Vec } from "./values.ts";

export const variants = ["plain", "relaxed", "wide"] as const;
export type Variant = (typeof variants)[number];

export interface Tiles {
  /** Columns of a panel of B, in vectors of four. */
  readonly vectors: number;
  /** Rows of the largest tile: what fills the registers without spilling. */
  readonly rows: number;
  /** Steps of k per turn of the inner loop; in Node 20 more than one spills. */
  readonly unroll: number;
  /** The same in tiles of few rows. */
  readonly smallUnroll: number;
  /** Bytes of B by which two or three rows against several panels read ahead (tile.ts); 0 where it gains nothing. */
  readonly bytesAhead: number;
}

export const tiles: Readonly<Record<Variant, Tiles>> = {
  plain: { vectors: 2, rows: 5, unroll: 1, smallUnroll: 1, bytesAhead: 0 },
  relaxed: { vectors: 2, rows: 6, unroll: 1, smallUnroll: 1, bytesAhead: 512 },
  wide: { vectors: 4, rows: 6, unroll: 8, smallUnroll: 2, bytesAhead: 512 },
};

/** a·b + c, fused except in the plain variant. The one multiply-add of all products, so tails round as tiles do. */
export const multiplyAdd = (variant: Variant): ((a: Vec, b: Vec, c: Vec) => Vec) =>
  variant === "plain" ? (a, b, c) => f32x4.add(f32x4.mul(a, b), c) : f32x4.relaxedMadd;
