/**
 * The micro-kernels of gemm.ts: a tile of rows × panels whose accumulators stay in registers over the whole depth.
 *
 * Each output has one accumulator that takes its products in increasing k; tiles differ only in how many they hold at once. The two
 * halves of a 256-bit vector are always written next to each other: that is how V8's revectoriser finds pairs.
 *
 * Tiles of one panel read B ahead (ahead.ts). Several panels are several streams already; two or three rows against them ask for a line eight lines
 * on, as multiply-adds that wait for their line fill the processor's scheduler and keep the loads behind them from starting, which a load whose value
 * is dropped does not. One row alone leaves the scheduler room, and loses by it.
 *
 * Nothing here loops over blocks or knows where a matrix ends.
 */
import { alongPanel, linesAhead } from "./ahead.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { type Int, i32, type Vec, v128 } from "./values.ts";
import { multiplyAdd, tiles, type Variant } from "./variant.ts";

/** Steps of k that a block holds. */
export const blockDepth = 512;
/** Bytes from row to row of a packed block of A; not a multiple of 4096, at which rows would push each other out of the first cache. */
export const packedRowStride = 4 * (blockDepth + 16);

export const smallTileParameters = [
  ...["c", "rowStrideC", "start", "rowStrideStart", "a", "rowStrideA"],
  ...["b", "rowStrideB", "panelStrideB", "depth"],
] as const;

/** A tile of few rows: A is read where it is, and several panels give enough independent accumulators. */
export function defineSmallTile(module: ModuleBuilder, variant: Variant, rows: number, panels: number): FunctionRef {
  const { vectors, smallUnroll, bytesAhead } = tiles[variant];
  const stepBytes = 16 * vectors;
  const madd = multiplyAdd(variant);
  return module.function(
    undefined,
    smallTileParameters,
    (f, c, rowStrideC, start, rowStrideStart, a, rowStrideA, b, rowStrideB, panelStrideB, depth) => {
      const aRows = steps(f, a, rowStrideA, rows);
      const bPanels = steps(f, b, panelStrideB, panels);
      const accumulators = loadAccumulators(f, start, rowStrideStart, rows, panels * vectors);
      const splat = (address: Local<"i32">, offset: number) => f.v128(v128.loadSplat(address, offset));
      const multiply = (i: number, v: number, one: Vec, value: Vec) =>
        f.set(accumulators[i][v], madd(one, value, accumulators[i][v]));
      const step = (offset: number) => {
        // Up to two rows: A's values stay in registers while B's pass; more rows leave no room for that.
        const kept = rows <= 2 ? aRows.map((address) => splat(address, offset)) : undefined;
        for (const [p, address] of bPanels.entries()) {
          if (panels > 1 && rows > 1 && bytesAhead > 0) f.drop(i32.load(address, bytesAhead));
          const values = range(vectors).map((v) => f.v128(v128.load(address, 16 * v)));
          for (const [i, row] of aRows.entries()) {
            const one = kept ? kept[i] : splat(row, offset);
            for (const [v, value] of values.entries()) multiply(i, p * vectors + v, one, value);
          }
        }
        for (const address of bPanels) f.advance(address, rowStrideB);
      };
      const ahead =
        panels === 1 && rows > 1 ? () => linesAhead(f, bPanels[0], i32.eq(rowStrideB, stepBytes)) : undefined;
      alongPanel(f, { depth, unroll: smallUnroll, stepBytes }, ahead, (times) => {
        for (const time of range(times)) step(4 * time);
        for (const address of aRows) f.advance(address, 4 * times);
      });
      storeAccumulators(f, c, rowStrideC, accumulators);
    },
  );
}

export const tileParameters = [
  ...["c", "rowStrideC", "start", "rowStrideStart", "a", "b", "rowStrideB", "depth"],
] as const;

/** A tile against one panel: A is a packed block, whose constant row stride leaves one address to keep instead of one a row. */
export function defineTile(module: ModuleBuilder, variant: Variant, rows: number): FunctionRef {
  const { vectors, unroll } = tiles[variant];
  const stepBytes = 16 * vectors;
  const madd = multiplyAdd(variant);
  return module.function(
    undefined,
    tileParameters,
    (f, c, rowStrideC, start, rowStrideStart, a, b, rowStrideB, depth) => {
      const accumulators = loadAccumulators(f, start, rowStrideStart, rows, vectors);
      const step = (offset: number) => {
        const values = range(vectors).map((v) => f.v128(v128.load(b, 16 * v)));
        for (const [i, sums] of accumulators.entries()) {
          const one = f.v128(v128.loadSplat(a, offset + i * packedRowStride));
          for (const [v, value] of values.entries()) f.set(sums[v], madd(one, value, sums[v]));
        }
        f.advance(b, rowStrideB);
      };
      // Of raw rows nobody knows what comes.
      const ahead = () => linesAhead(f, b, i32.eq(rowStrideB, stepBytes));
      alongPanel(f, { depth, unroll, stepBytes }, ahead, (times, ask) => {
        for (const time of range(times)) {
          ask(time);
          step(4 * time);
        }
        f.advance(a, 4 * times);
      });
      storeAccumulators(f, c, rowStrideC, accumulators);
    },
  );
}

export const sumsTileParameters = ["sums", "a", "b", "depth"] as const;

/**
 * A tile whose sums lie in memory, row after row, between the parts of the depth that it is called for: so several tiles can take turns at
 * one panel. A lies step after step, a value for each row; B is packed.
 */
export function defineSumsTile(module: ModuleBuilder, variant: Variant, rows: number): FunctionRef {
  const { vectors, unroll } = tiles[variant];
  const madd = multiplyAdd(variant);
  return module.function(undefined, sumsTileParameters, (f, sums, a, b, depth) => {
    const offset = (i: number, v: number) => 16 * (i * vectors + v);
    const accumulators = range(rows).map((i) => range(vectors).map((v) => f.v128(v128.load(sums, offset(i, v)))));
    alongPanel(
      f,
      { depth, unroll, stepBytes: 16 * vectors },
      () => linesAhead(f, b, 1),
      (times, ask) => {
        for (const time of range(times)) {
          ask(time);
          const values = range(vectors).map((v) => f.v128(v128.load(b, offset(time, v))));
          for (const [i, row] of accumulators.entries()) {
            const one = f.v128(v128.loadSplat(a, 4 * (time * rows + i)));
            for (const [v, value] of values.entries()) f.set(row[v], madd(one, value, row[v]));
          }
        }
        f.advance(b, offset(times, 0));
        f.advance(a, 4 * rows * times);
      },
    );
    for (const [i, row] of accumulators.entries()) {
      for (const [v, value] of row.entries()) f.storeVec(sums, offset(i, v), value);
    }
  });
}

function loadAccumulators(f: FunctionBuilder, start: Int, stride: Int, rows: number, vectors: number) {
  return steps(f, start, stride, rows).map((address) => range(vectors).map((v) => f.v128(v128.load(address, 16 * v))));
}

function storeAccumulators(f: FunctionBuilder, c: Int, stride: Int, accumulators: readonly (readonly Vec[])[]): void {
  for (const [i, address] of steps(f, c, stride, accumulators.length).entries()) {
    for (const [v, value] of accumulators[i].entries()) f.storeVec(address, 16 * v, value);
  }
}

/** Addresses `stride` apart, each in its own local. */
function steps(f: FunctionBuilder, first: Int, stride: Int, count: number): Local<"i32">[] {
  const addresses: Local<"i32">[] = [];
  for (let i = 0; i < count; i++) addresses.push(f.i32(i === 0 ? first : i32.add(addresses[i - 1], stride)));
  return addresses;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
