/**
 * Moving matrices about in memory: transposing a block, copying rows, copying only rows that a mask keeps. Addresses and strides are in bytes.
 * No arithmetic on the values; nothing outside the stated rows and columns is written.
 */

import type { FunctionBuilder, FunctionRef } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { f32, type Int, i32, v128 } from "./values.ts";

export interface Copies {
  /** transpose(to, toStride, from, fromStride, rows, columns): to[i][p] = from[p][i] for i < rows, p < columns. */
  readonly transpose: FunctionRef;
  /** copyRows(to, toStride, from, fromStride, rows, columns): to[i][j] = from[i][j]. */
  readonly copyRows: FunctionRef;
  /** liveRows(…, mask): the same where mask[i] is not 0, else zeros. */
  readonly liveRows: FunctionRef;
}

export function defineCopies(module: ModuleBuilder): Copies {
  const strides = ["to", "toStride", "from", "fromStride", "rows", "columns"] as const;
  const transpose = module.function("transpose", strides, (f, to, toStride, from, fromStride, rows, columns) => {
    const i = f.i32();
    const p = f.i32();
    const target = f.i32();
    const source = f.i32();
    const element = (row: Int, column: Int) => i32.add(i32.mul(row, toStride), i32.shl(column, 2));
    const one = () => {
      f.storeFloat(
        i32.add(to, element(i, p)),
        0,
        f32.load(i32.add(from, i32.add(i32.mul(p, fromStride), i32.shl(i, 2)))),
      );
    };
    const rows4 = f.i32(i32.and(rows, -4));
    const columns4 = f.i32(i32.and(columns, -4));
    f.for(i, 0, rows4, 4, () => {
      f.setInt(target, i32.add(to, i32.mul(i, toStride)));
      f.setInt(source, i32.add(from, i32.shl(i, 2)));
      f.for(p, 0, columns4, 4, () => {
        transpose4(
          f,
          stepped(f, target, toStride).map((address) => [address, 0] as const),
          stepped(f, source, fromStride),
        );
        f.advance(target, 16);
        f.advance(source, i32.shl(fromStride, 2));
      });
    });
    f.for(i, 0, rows4, 1, () => f.for(p, columns4, columns, 1, one));
    f.for(i, rows4, rows, 1, () => f.for(p, 0, columns, 1, one));
  });
  const copyRows = module.function("copyRows", strides, (f, to, toStride, from, fromStride, rows, columns) => {
    const [read, write] = [f.i32(), f.i32()];
    const bytes = f.i32(i32.shl(columns, 2));
    const left = f.i32();
    /** As many vectors at a time as `times` says, while there are as many. */
    const vectors = (times: number) =>
      f.while(i32.geU(left, 16 * times), () => {
        const values = Array.from({ length: times }, (_, v) => f.v128(v128.load(read, 16 * v)));
        for (const [v, value] of values.entries()) f.storeVec(write, 16 * v, value);
        passed(16 * times);
      });
    const passed = (count: number) => {
      f.advance(read, count);
      f.advance(write, count);
      f.setInt(left, i32.sub(left, count));
    };
    f.while(rows, () => {
      f.setInt(read, from);
      f.setInt(write, to);
      f.setInt(left, bytes);
      vectors(4);
      vectors(1);
      f.while(left, () => {
        f.storeFloat(write, 0, f32.load(read));
        passed(4);
      });
      f.advance(to, toStride);
      f.advance(from, fromStride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  const live = [...strides, "mask"] as const;
  const liveRows = module.function(undefined, live, (f, to, toStride, from, fromStride, rows, columns, mask) => {
    f.while(rows, () => {
      f.if(
        f32.ne(f32.load(mask), 0),
        () => f.call(copyRows, to, toStride, from, fromStride, 1, columns),
        () => f.fill(to, 0, i32.shl(columns, 2)),
      );
      f.advance(to, toStride);
      f.advance(from, fromStride);
      f.advance(mask, 4);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  return { transpose, copyRows, liveRows };
}

/** Four addresses `stride` apart. */
function stepped(f: FunctionBuilder, first: Int, stride: Int): Int[] {
  const addresses = [f.i32(first)];
  for (let i = 1; i < 4; i++) addresses.push(f.i32(i32.add(addresses[i - 1], stride)));
  return addresses;
}

/** A 4×4 block from columns to rows, in eight shuffles: from four addresses to four addresses with their constant offsets. */
export function transpose4(f: FunctionBuilder, to: readonly (readonly [Int, number])[], from: readonly Int[]): void {
  const rows = from.map((address) => f.v128(v128.load(address)));
  const [low01, high01, low23, high23] = [
    v128.shuffle32(rows[0], rows[1], [0, 4, 1, 5]),
    v128.shuffle32(rows[0], rows[1], [2, 6, 3, 7]),
    v128.shuffle32(rows[2], rows[3], [0, 4, 1, 5]),
    v128.shuffle32(rows[2], rows[3], [2, 6, 3, 7]),
  ].map((pair) => f.v128(pair));
  const columns = [
    v128.shuffle32(low01, low23, [0, 1, 4, 5]),
    v128.shuffle32(low01, low23, [2, 3, 6, 7]),
    v128.shuffle32(high01, high23, [0, 1, 4, 5]),
    v128.shuffle32(high01, high23, [2, 3, 6, 7]),
  ];
  for (const [i, [address, offset]] of to.entries()) f.storeVec(address, offset, columns[i]);
}
