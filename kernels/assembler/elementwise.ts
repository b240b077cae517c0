/**
 * Loops over flat rows of float32, four at a time, with an exact end: the last vector may read past the row (every buffer is
 * padded to a whole line) but writes only the row's own values. What happens to the values is the caller's.
 */

import type { FunctionBuilder, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { f32, f32x4, type Int, i32, type Vec, v128 } from "./values.ts";

/** Vectors per turn of the main loop: independent work, and neighbours that a revectoriser may pair. */
const atOnce = 2;

/**
 * For each vector of `count` values: stores `value(offset)` at `out + offset`. `offset` is in bytes from the row's start,
 * handed over as (local, immediate).
 */
export function mapRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  out: Int,
  count: Int,
  value: (at: (row: Int) => Vec, offset: Local<"i32">, immediate: number) => Vec,
): void {
  const offset = f.i32();
  const bytes = f.i32(i32.shl(count, 2));
  const step = 16 * atOnce;
  const vector = (immediate: number) => value((row) => v128.load(i32.add(row, offset), immediate), offset, immediate);
  f.for(offset, 0, i32.and(bytes, -step), step, () => {
    const values = Array.from({ length: atOnce }, (_, v) => f.v128(vector(16 * v)));
    for (const [v, result] of values.entries()) f.storeVec(i32.add(out, offset), 16 * v, result);
  });
  f.while(i32.ltU(offset, i32.and(bytes, -16)), () => {
    f.storeVec(i32.add(out, offset), 0, vector(0));
    f.advance(offset, 16);
  });
  f.if(i32.ltU(offset, bytes), () => {
    f.storeVec(module.tail, 0, vector(0));
    const lane = f.i32(module.tail);
    f.while(i32.ltU(offset, bytes), () => {
      f.storeFloat(i32.add(out, offset), 0, f32.load(lane));
      f.advance(lane, 4);
      f.advance(offset, 4);
    });
  });
}

/**
 * Visits a row for its sums, vector by vector. `keep` replaces the lanes past the end of the row (by 0 unless said).
 */
export function foldRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  count: Int,
  visit: (at: (row: Int) => Vec, keep: (value: Vec, otherwise?: number) => Vec) => void,
): void {
  const offset = f.i32();
  const bytes = f.i32(i32.shl(count, 2));
  const at = (row: Int) => v128.load(i32.add(row, offset));
  f.for(offset, 0, i32.and(bytes, -16), 16, () => visit(at, (value) => value));
  f.if(i32.ltU(offset, bytes), () => {
    const present = f.v128(v128.load(i32.sub(module.laneMasks + 16, i32.sub(bytes, offset))));
    visit(at, (value, otherwise = 0) => v128.select(value, module.splat(otherwise), present));
  });
}

/** The four lanes added in a fixed order. */
export const laneSum = (x: Vec) =>
  f32.add(f32.add(f32.lane(x, 0), f32.lane(x, 1)), f32.add(f32.lane(x, 2), f32.lane(x, 3)));

/** The four lanes' maximum; NaN lanes are passed over. */
export const laneMax = (f: FunctionBuilder, x: Vec): Vec => {
  const pairs = f.v128(f32x4.pmax(x, v128.shuffle32(x, x, [2, 3, 0, 1])));
  return f32x4.pmax(pairs, v128.shuffle32(pairs, pairs, [1, 0, 3, 2]));
};
