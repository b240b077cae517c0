/**
 * The one matrix product behind every matmul, gradient and attention: C[i, j] = start[i, j] + Σ_p A[i, p] · B[p, j].
 *
 * Each output has one accumulator that starts at `start` and takes the products in increasing p, in every tile and tail alike,
 * so a row's result depends neither on the number of rows nor on its neighbours. Strides are run-time arguments in bytes.
 * A is read in place (or transposed block by block if its rows are its columns in memory), B as panels of NR columns: packed
 * beforehand, or raw rows, which are copied panel by panel once enough rows of A share the copy.
 * It may read, not write, up to 4·NR bytes past the end of B's and start's rows. It does not pack weights and fuses nothing.
 * Ideas: the blocking of GotoBLAS, https://dl.acm.org/doi/10.1145/1356052.1356053
 */

import type { Copies } from "./copy.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { type Expr, type Int, i32, type Vec, v128 } from "./values.ts";
import { multiplyAdd, tiles, type Variant } from "./variant.ts";

/** Steps of k that a block holds: a panel of B stays in the first cache. */
const blockDepth = 384;
/** Rows of A that a block holds: it stays in the second cache. Divisible by every tile. */
const blockRows = 120;
/** From this many rows on, a raw panel of B is copied before use. */
const rowsWorthCopying = 12;

/** Panels that one row or two rows of A meet at once, to have enough independent accumulators. */
const panelsAtOnce: Readonly<Record<number, number>> = { 1: 4, 2: 2 };

/** Columns of a panel. */
export const panelWidth = (variant: Variant): number => 4 * tiles[variant].vectors;

/** Bytes that gemm uses from the instance's scratch address on. */
export const gemmScratchBytes = 4 * (blockRows * blockDepth + blockDepth * 16 + 6 * 16);

export const gemmParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "kStrideA", "b", "rowStrideB", "panelStrideB"],
  ...["start", "rowStrideStart", "columnStrideStart", "m", "n", "k"],
] as const;

/** gemm(…gemmParameters): m rows, n columns, k products each. One of rowStrideA and kStrideA must be 4. */
export function defineGemm(module: ModuleBuilder, variant: Variant, copies: Copies): FunctionRef {
  const { vectors, rows: maximumRows } = tiles[variant];
  const width = 4 * vectors;
  const widthBytes = 4 * width;
  const byRows = new Map<number, FunctionRef>();
  for (let rows = 1; rows <= maximumRows; rows++) byRows.set(rows, defineTile(module, variant, rows, 1));
  const severalPanels = Object.entries(panelsAtOnce).map(([rows, panels]) => ({
    rows: Number(rows),
    panels,
    tile: defineTile(module, variant, Number(rows), panels),
  }));

  const { scratch } = module;
  const panelScratch = i32.add(scratch, 4 * blockRows * blockDepth);
  const tailTile = i32.add(panelScratch, 4 * blockDepth * 16);

  /** All rows of a block against one panel; a panel cut by the last column goes through the tail tile. */
  const panel = module.function(
    undefined,
    [
      ...(["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB", "start", "rowStrideStart"] as const),
      ...(["rows", "columns", "depth"] as const),
    ],
    (f, c, rowStrideC, a, rowStrideA, b, rowStrideB, start, rowStrideStart, rows, columns, depth) => {
      const left = f.i32(i32.divU(i32.add(rows, maximumRows - 1), maximumRows));
      const cut = f.i32(i32.ltU(columns, width));
      const target = f.i32(i32.select(cut, tailTile, c));
      const targetStride = f.i32(i32.select(cut, widthBytes, rowStrideC));
      const taken = f.i32();
      f.while(rows, () => {
        f.setInt(taken, i32.divU(i32.sub(i32.add(rows, left), 1), left));
        dispatch(f, taken, byRows, (tile) =>
          f.call(tile, target, targetStride, start, rowStrideStart, a, rowStrideA, b, rowStrideB, 0, depth),
        );
        f.if(
          cut,
          () => f.call(copies.copyRows, c, rowStrideC, tailTile, widthBytes, taken, columns),
          () => f.advance(target, i32.mul(taken, rowStrideC)),
        );
        f.advance(c, i32.mul(taken, rowStrideC));
        f.advance(a, i32.mul(taken, rowStrideA));
        f.advance(start, i32.mul(taken, rowStrideStart));
        f.setInt(rows, i32.sub(rows, taken));
        f.setInt(left, i32.sub(left, 1));
      });
    },
  );

  /** A block of rows and k against all columns. */
  const block = module.function(
    undefined,
    [
      ...(["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB", "panelStrideB"] as const),
      ...(["start", "rowStrideStart", "columnStrideStart", "rows", "columns", "depth"] as const),
    ],
    (
      f,
      c,
      rowStrideC,
      a,
      rowStrideA,
      b,
      rowStrideB,
      panelStrideB,
      start,
      rowStrideStart,
      columnStrideStart,
      rows,
      columns,
      depth,
    ) => {
      const copied = f.i32(i32.and(i32.gtU(rows, rowsWorthCopying), i32.ne(rowStrideB, widthBytes)));
      const nextPanels = (panels: number) => {
        f.advance(c, panels * widthBytes);
        f.advance(b, i32.mul(panelStrideB, panels));
        f.advance(start, i32.mul(columnStrideStart, panels * width));
        f.setInt(columns, i32.sub(columns, panels * width));
      };
      for (const { rows: few, panels, tile } of severalPanels) {
        f.if(i32.eq(rows, few), () =>
          f.while(i32.geU(columns, panels * width), () => {
            f.call(tile, c, rowStrideC, start, rowStrideStart, a, rowStrideA, b, rowStrideB, panelStrideB, depth);
            nextPanels(panels);
          }),
        );
      }
      const taken = f.i32();
      f.while(columns, () => {
        f.setInt(taken, i32.minU(columns, width));
        f.if(copied, () => f.call(copies.copyRows, panelScratch, widthBytes, b, rowStrideB, depth, taken));
        f.call(
          panel,
          ...[c, rowStrideC, a, rowStrideA],
          ...[i32.select(copied, panelScratch, b), i32.select(copied, widthBytes, rowStrideB)],
          ...[start, rowStrideStart, rows, taken, depth],
        );
        nextPanels(1);
        // The subtraction above took a whole panel: a cut one was the last.
        f.if(i32.ltU(taken, width), () => f.return());
      });
    },
  );

  return module.function("gemm", gemmParameters, (f, ...parameters) => {
    const [c, rowStrideC, a, rowStrideA, kStrideA, b, rowStrideB, panelStrideB] = parameters;
    const [start, rowStrideStart, columnStrideStart, m, n, k] = parameters.slice(8);
    const transposed = f.i32(i32.ne(kStrideA, 4));
    const depth = f.i32();
    const row = f.i32();
    const rows = f.i32();
    const fewest = f.i32(i32.divU(i32.add(m, blockRows - 1), blockRows));
    f.if(i32.eqz(m), () => f.return());
    const blockSize = f.i32(i32.divU(i32.sub(i32.add(m, fewest), 1), fewest));
    f.doWhile(() => {
      f.setInt(depth, i32.minU(k, blockDepth));
      f.for(row, 0, m, blockSize, () => {
        f.setInt(rows, i32.minU(i32.sub(m, row), blockSize));
        const from = f.i32(i32.add(a, i32.mul(row, rowStrideA)));
        f.if(transposed, () => f.call(copies.transpose, scratch, 4 * blockDepth, from, kStrideA, rows, depth));
        f.call(
          block,
          ...[i32.add(c, i32.mul(row, rowStrideC)), rowStrideC],
          ...[i32.select(transposed, scratch, from), i32.select(transposed, 4 * blockDepth, rowStrideA)],
          ...[b, rowStrideB, panelStrideB],
          ...[i32.add(start, i32.mul(row, rowStrideStart)), rowStrideStart, columnStrideStart, rows, n, depth],
        );
      });
      // Later blocks of k go on from what lies in C.
      f.setInt(start, c);
      f.setInt(rowStrideStart, rowStrideC);
      f.setInt(columnStrideStart, 4);
      f.advance(a, i32.mul(depth, kStrideA));
      f.advance(b, i32.mul(depth, rowStrideB));
      f.setInt(k, i32.sub(k, depth));
    }, k);
  });
}

/** Calls the tile for exactly `count` rows; larger ones are tested first, being the usual ones. */
function dispatch(
  f: FunctionBuilder,
  count: Expr<"i32">,
  byRows: ReadonlyMap<number, FunctionRef>,
  call: (tile: FunctionRef) => void,
): void {
  const [[rows, tile], ...others] = [...byRows].sort((x, y) => y[0] - x[0]);
  if (others.length === 0) call(tile);
  else
    f.if(
      i32.eq(count, rows),
      () => call(tile),
      () => dispatch(f, count, new Map(others), call),
    );
}

/**
 * The micro-kernel: `rows` × (`panels` panels of B) accumulators in registers over the whole depth.
 * The two halves of a 256-bit vector are always written next to each other: that is how V8's revectoriser finds pairs.
 */
function defineTile(module: ModuleBuilder, variant: Variant, rows: number, panels: number): FunctionRef {
  const { vectors, unroll } = tiles[variant];
  const madd = multiplyAdd(variant);
  const count = panels * vectors;
  return module.function(
    undefined,
    ["c", "rowStrideC", "start", "rowStrideStart", "a", "rowStrideA", "b", "rowStrideB", "panelStrideB", "depth"],
    (f, c, rowStrideC, start, rowStrideStart, a, rowStrideA, b, rowStrideB, panelStrideB, depth) => {
      const aRows = steps(f, a, rowStrideA, rows);
      const bPanels = steps(f, b, panelStrideB, panels);
      const accumulators = steps(f, start, rowStrideStart, rows).map((address) =>
        range(count).map((v) => f.v128(v128.load(address, 16 * v))),
      );
      const splat = (address: Local<"i32">, offsetA: number) => f.v128(v128.loadSplat(address, offsetA));
      const vectorOfB = (v: number) => v128.load(bPanels[Math.floor(v / vectors)], 16 * (v % vectors));
      const multiply = (i: number, v: number, one: Vec, value: Vec) =>
        f.set(accumulators[i][v], madd(one, value, accumulators[i][v]));
      const step = (offsetA: number) => {
        if (panels > 1) {
          // Few rows: all of A's values fit in registers, B's pass by one at a time.
          const ones = aRows.map((address) => splat(address, offsetA));
          for (const v of range(count)) {
            const value = rows > 1 ? f.v128(vectorOfB(v)) : vectorOfB(v);
            for (const [i, one] of ones.entries()) multiply(i, v, one, value);
          }
        } else {
          const values = range(count).map((v) => f.v128(vectorOfB(v)));
          for (const [i, address] of aRows.entries()) {
            const one = splat(address, offsetA);
            for (const [v, value] of values.entries()) multiply(i, v, one, value);
          }
        }
        for (const address of bPanels) f.advance(address, rowStrideB);
      };
      const turn = (times: number) => {
        for (const time of range(times)) step(4 * time);
        for (const address of aRows) f.advance(address, 4 * times);
      };
      if (unroll > 1) {
        f.while(i32.geU(depth, unroll), () => {
          turn(unroll);
          f.setInt(depth, i32.sub(depth, unroll));
        });
      }
      f.while(depth, () => {
        turn(1);
        f.setInt(depth, i32.sub(depth, 1));
      });
      for (const [i, address] of steps(f, c, rowStrideC, rows).entries()) {
        for (const [v, value] of accumulators[i].entries()) f.storeVec(address, 16 * v, value);
      }
    },
  );
}

/** Addresses `stride` apart, each in its own local. */
function steps(f: FunctionBuilder, first: Int, stride: Int, count: number): Local<"i32">[] {
  const addresses: Local<"i32">[] = [];
  for (let i = 0; i < count; i++) addresses.push(f.i32(i === 0 ? first : i32.add(addresses[i - 1], stride)));
  return addresses;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
