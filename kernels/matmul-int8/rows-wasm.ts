/**
 * Rows of float32 into the integers and the records that the 8-bit tiles read, as the contract defines them. Each row is read twice:
 * once for its least and largest value, once for its integers and their sum.
 */
import { accumulators, combine, foldRow } from "../assembler/elementwise.ts";
import type { FunctionBuilder, Local } from "../assembler/function.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i8x16, i16x8, i32, i32x4, type Vec, v128 } from "../assembler/values.ts";
import { multiplyAdd, type Variant } from "../assembler/variant.ts";
import { activationLevels, smallestRadius } from "./quantise.ts";
import { int8Tiles, rowRecord } from "./tile.ts";

/** What is added to a float32 of at most 2²² is rounded away beyond the point, ties to even, and leaves an integer in the lowest bits. */
const roundingShift = 1.5 * 2 ** 23;

/** Task quantiseRows(to, rowStride, records, from, n, k, rowsPerChunk). Past the k integers of a row come zeros up to a multiple of 4. */
export function defineQuantiseRows(module: ModuleBuilder, variant: Variant): void {
  const { activationBytes, offset } = int8Tiles[variant];
  const parameters = ["to", "rowStride", "records", "from", "n", "k", "rowsPerChunk"] as const;
  module.task("quantiseRows", parameters, (f, to, rowStride, records, from, n, k, rowsPerChunk, first, last) => {
    const row = f.i32(i32.mul(first, rowsPerChunk));
    const end = f.i32(i32.minU(i32.mul(last, rowsPerChunk), n));
    f.advance(to, i32.mul(row, rowStride));
    f.advance(records, i32.mul(row, rowRecord.bytes));
    f.advance(from, i32.mul(row, i32.shl(k, 2)));
    const [mid, scale, inverse] = [f.f32(), f.f32(), f.v128()];
    f.while(i32.ltU(row, end), () => {
      f.set(mid, f32.const(0));
      f.set(scale, f32.const(0));
      f.if(k, () => grid(f, module, variant, { from, k }, { mid, scale, inverse }));
      const sum = integers(f, module, { to, from, k }, f.v128(f32x4.splat(mid)), inverse, activationBytes);
      f.storeFloat(records, rowRecord.scale, scale);
      f.storeFloat(records, rowRecord.mid, mid);
      f.storeInt(records, rowRecord.start, i32.mul(sum, -offset));
      f.advance(to, rowStride);
      f.advance(records, rowRecord.bytes);
      f.advance(from, i32.shl(k, 2));
      f.advance(row, 1);
    });
  });
}

interface Grid {
  readonly mid: Local<"f32">;
  readonly scale: Local<"f32">;
  readonly inverse: Local<"v128">;
}

/**
 * Sets the grid of a row of at least one value. NaN and infinities must reach it: pmin and pmax, an instruction each where min and max
 * are several, do not see NaN, so zeros are summed up, which those times 0 are not.
 */
function grid(
  f: FunctionBuilder,
  module: ModuleBuilder,
  variant: Variant,
  { from, k }: Readonly<Record<"from" | "k", Local<"i32">>>,
  to: Grid,
): void {
  const madd = multiplyAdd(variant);
  const first = f.v128(v128.loadSplat(from));
  const zero = f.v128(v128.load(module.zeros));
  const [leasts, largests, zeros] = [first, first, zero].map((start) => accumulators(f, start));
  foldRow(f, module, k, [from], ([x], { keep, accumulator: i }) => {
    f.set(leasts[i], f32x4.pmin(leasts[i], keep(x, Number.POSITIVE_INFINITY)));
    f.set(largests[i], f32x4.pmax(largests[i], keep(x, Number.NEGATIVE_INFINITY)));
    f.set(zeros[i], madd(keep(x), zero, zeros[i]));
  });
  const ofLanes = (parts: readonly Vec[], pick: (a: Vec, b: Vec) => Vec) => {
    const x = combine(f, module, parts, pick);
    f.set(x, pick(x, v128.shuffle32(x, x, [2, 3, 0, 1])));
    f.set(x, pick(x, v128.shuffle32(x, x, [1, 0, 3, 2])));
    return f.f32(f32.lane(x, 0));
  };
  const min = ofLanes(leasts, f32x4.pmin);
  const max = ofLanes(largests, f32x4.pmax);
  const zeroOrNaN = ofLanes(zeros, f32x4.add);
  f.set(to.mid, f32.add(f32.add(f32.mul(min, 0.5), f32.mul(max, 0.5)), zeroOrNaN));
  const radius = f.f32(f32.max(f32.sub(max, to.mid), f32.sub(to.mid, min)));
  f.set(to.scale, f32.div(radius, activationLevels));
  const spread = f32x4.splat(f32.div(activationLevels, radius));
  f.set(to.inverse, v128.and(spread, f32x4.gt(f32x4.splat(radius), f32x4.splat(smallestRadius))));
}

/** Writes a row's integers and returns their sum. */
function integers(
  f: FunctionBuilder,
  module: ModuleBuilder,
  { to, from, k }: Readonly<Record<"to" | "from" | "k", Local<"i32">>>,
  mid: Vec,
  inverse: Vec,
  bytes: 1 | 2,
) {
  const sum = f.v128(v128.zero);
  const [read, write] = [f.i32(from), f.i32(to)];
  const end = f.i32(i32.add(from, i32.shl(k, 2)));
  // Of a row with NaN they are anything: its scale is NaN.
  const shift = f.v128(module.splat(roundingShift));
  const four = (offset: number): Vec =>
    i32x4.sub(f32x4.add(f32x4.mul(f32x4.sub(v128.load(read, offset), mid), inverse), shift), shift);
  const add = (vector: Vec): void => f.set(sum, i32x4.add(sum, vector));
  f.while(i32.leU(i32.add(read, 64), end), () => {
    const [v0, v1, v2, v3] = [0, 16, 32, 48].map((offset) => f.v128(four(offset)));
    add(i32x4.add(i32x4.add(v0, v1), i32x4.add(v2, v3)));
    const [low, high] = [f.v128(i16x8.narrowI32x4S(v0, v1)), f.v128(i16x8.narrowI32x4S(v2, v3))];
    if (bytes === 1) f.storeVec(write, 0, i8x16.narrowI16x8S(low, high));
    else {
      f.storeVec(write, 0, low);
      f.storeVec(write, 16, high);
    }
    f.advance(read, 64);
    f.advance(write, 16 * bytes);
  });
  f.while(i32.ltU(read, end), () => {
    // The mask of the lanes that are there; all four unless the row ends here.
    const present = i32.minU(f.i32(i32.sub(end, read)), 16);
    const vector = f.v128(v128.and(four(0), v128.load(i32.sub(module.laneMasks + 16, present))));
    add(vector);
    const narrow = f.v128(i16x8.narrowI32x4S(vector, vector));
    if (bytes === 1) f.storeInt(write, 0, i32x4.lane(i8x16.narrowI16x8S(narrow, narrow), 0));
    else {
      f.storeInt(write, 0, i32x4.lane(narrow, 0));
      f.storeInt(write, 4, i32x4.lane(narrow, 1));
    }
    f.advance(read, 16);
    f.advance(write, 4 * bytes);
  });
  const pairs = f.v128(i32x4.add(sum, v128.shuffle32(sum, sum, [2, 3, 0, 1])));
  return i32.add(i32x4.lane(pairs, 0), i32x4.lane(pairs, 1));
}
