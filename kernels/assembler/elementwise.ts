/**
 * Loops over flat rows of float32, four at a time, with an exact end: the last vector may read past the row (every buffer is
 * padded to a whole line) but writes only the row's own values. What happens to the values is the caller's.
 *
 * The main loop takes several vectors a turn, in pairs that V8's revectoriser fuses: it starts from adjacent stores, so sums leave
 * their registers through memory (`combine`), wants one address with two constants, and moves no load of a constant over a load
 * that may trap, so all of a pair's inputs are loaded before anything is computed.
 * https://github.com/v8/v8/blob/main/src/compiler/turboshaft/wasm-revec-reducer.cc
 */

import type { FunctionBuilder, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { type Expr, f32, f32x4, type Int, i32, type Vec, v128 } from "./values.ts";

/** Vectors per turn of the main loop: two pairs. */
const atOnce = 4;

/** One vector's place in the rows. */
export interface Spot {
  /** `value` with the lanes past the end of the row replaced (by 0 unless said). */
  keep(value: Vec, otherwise?: number): Vec;
  /** Which of the `accumulators` is this place's. */
  readonly accumulator: number;
  /** Bytes from a row's start: a local plus a constant. */
  readonly offset: Local<"i32">;
  readonly immediate: number;
}

/** The values at one place of each of a loop's input rows. */
type Values = readonly Local<"v128">[];

/**
 * Visits the vectors of rows of `count` values that start at the addresses `inputs`; the last one may be cut.
 * `store`, if given, is told where to put what `visit` returned, as address and constant; with the bytes if it may be cut.
 */
function visitRows(
  f: FunctionBuilder,
  module: ModuleBuilder,
  count: Int,
  inputs: readonly Int[],
  visit: (values: Values, spot: Spot) => Vec | undefined,
  out?: Int,
): void {
  const offset = f.i32();
  const bytes = f.i32(i32.shl(count, 2));
  const wholeTurns = f.i32(i32.and(bytes, -16 * atOnce));
  const pointersTo = (rows: readonly Int[]) => rows.map((row) => f.i32(i32.add(row, offset)));

  f.for(offset, 0, wholeTurns, 16 * atOnce, () => {
    const pointers = pointersTo(inputs);
    const [target] = out === undefined ? [] : pointersTo([out]);
    for (let first = 0; first < atOnce; first += 2) {
      const pair = [first, first + 1];
      const values = pointers.map((pointer) => pair.map((v) => f.v128(v128.load(pointer, 16 * v))));
      const results = pair.map((accumulator, v) => {
        const spot = { keep: (value: Vec) => value, accumulator, offset, immediate: 16 * accumulator };
        const result = visit(
          values.map((both) => both[v]),
          spot,
        );
        return result && f.v128(result);
      });
      for (const [v, result] of results.entries()) if (target && result) f.storeVec(target, 16 * pair[v], result);
    }
  });

  f.while(i32.ltU(offset, bytes), () => {
    const left = f.i32(i32.minU(i32.sub(bytes, offset), 16));
    const present = v128.load(i32.sub(module.laneMasks + 16, left));
    const keep = (value: Vec, otherwise = 0) => v128.select(value, module.splat(otherwise), present);
    const values = pointersTo(inputs).map((pointer) => f.v128(v128.load(pointer)));
    const result = visit(values, { keep, accumulator: atOnce, offset, immediate: 0 });
    if (out !== undefined && result) storeLanes(f, module, i32.add(out, offset), result, left);
    f.advance(offset, 16);
  });
}

/** Stores the first `bytes` bytes of a vector. */
function storeLanes(f: FunctionBuilder, module: ModuleBuilder, to: Int, value: Vec, bytes: Int): void {
  const last = f.v128(value);
  f.if(
    i32.eq(bytes, 16),
    () => f.storeVec(to, 0, last),
    () => {
      const lane = f.i32();
      f.storeVec(module.tail, 0, last);
      f.for(lane, 0, bytes, 4, () => f.storeFloat(i32.add(to, lane), 0, f32.load(i32.add(module.tail, lane))));
    },
  );
}

/** Stores `value` of the rows `inputs`, vector by vector, in the row of `count` values at `out`, which may be one of them. */
export function mapRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  out: Int,
  count: Int,
  inputs: readonly Int[],
  value: (values: Values, spot: Spot) => Vec,
): void {
  visitRows(f, module, count, inputs, value, out);
}

/** Visits rows for their sums; lanes past their end hold anything (`Spot.keep`). */
export function foldRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  count: Int,
  inputs: readonly Int[],
  visit: (values: Values, spot: Spot) => void,
): void {
  visitRows(f, module, count, inputs, (values, spot) => {
    visit(values, spot);
    return undefined;
  });
}

/** One for each vector of a turn, and one for the vectors that are left; from `start` each time that the program passes here. */
export const accumulators = (f: FunctionBuilder, start: Vec): Local<"v128">[] =>
  Array.from({ length: atOnce + 1 }, () => f.v128(start));

/** All accumulators in one vector, in a fixed order. */
export function combine(
  f: FunctionBuilder,
  module: ModuleBuilder,
  parts: readonly Vec[],
  join: (a: Vec, b: Vec) => Vec,
): Local<"v128"> {
  const memory = f.i32(module.tail);
  for (let v = 0; v < atOnce; v++) f.storeVec(memory, 16 * v, parts[v]);
  const [a, b, c, d] = parts.map((_, v) => v128.load(memory, 16 * v));
  return f.v128(join(join(join(a, b), join(c, d)), parts[atOnce]));
}

/** The sum of all lanes of all accumulators, in a fixed order. */
export function sumOf(f: FunctionBuilder, module: ModuleBuilder, parts: readonly Vec[]): Expr<"f32"> {
  const x = combine(f, module, parts, f32x4.add);
  return f32.add(f32.add(f32.lane(x, 0), f32.lane(x, 1)), f32.add(f32.lane(x, 2), f32.lane(x, 3)));
}

/** Σ of `value` over rows. */
export function sumRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  count: Int,
  inputs: readonly Int[],
  value: (values: Values) => Vec,
): Expr<"f32"> {
  const sums = accumulators(f, v128.zero);
  foldRow(f, module, count, inputs, (values, { keep, accumulator }) =>
    f.set(sums[accumulator], f32x4.add(sums[accumulator], keep(value(values)))),
  );
  return sumOf(f, module, sums);
}

/** The maximum of `value` over rows, in all lanes; NaN is passed over. */
export function maxRow(
  f: FunctionBuilder,
  module: ModuleBuilder,
  count: Int,
  inputs: readonly Int[],
  value: (values: Values) => Vec,
): Vec {
  const lowest = Number.NEGATIVE_INFINITY;
  const tops = accumulators(f, module.splat(lowest));
  foldRow(f, module, count, inputs, (values, { keep, accumulator }) =>
    f.set(tops[accumulator], f32x4.pmax(tops[accumulator], keep(value(values), lowest))),
  );
  const x = combine(f, module, tops, f32x4.pmax);
  f.set(x, f32x4.pmax(x, v128.shuffle32(x, x, [2, 3, 0, 1])));
  f.set(x, f32x4.pmax(x, v128.shuffle32(x, x, [1, 0, 3, 2])));
  return f32x4.splat(f32.lane(x, 0));
}
