/**
 * The one matrix product behind every matmul, gradient and attention: C[i, j] = start[i, j] + Σ_p A[i, p] · B[p, j].
 *
 * Each output has one accumulator that starts at `start` and takes the products in increasing p, in every tile and tail alike,
 * so a row's result depends neither on the number of rows nor on its neighbours. Strides are run-time arguments in bytes.
 * A is copied block by block at a stride that suits the cache (transposed, if its rows are its columns in memory); three rows or
 * fewer are read in place. B comes as panels of NR columns, packed beforehand (packed.ts), or as raw rows; a packed one that no near cache holds
 * is far.ts's. What follows a product (an activation, a residual) is the caller's `finish`, called on
 * outputs that are still in cache.
 * It may read, not write, up to 4·NR bytes past the end of start's rows, and ahead.ts's `bytesBehind` more of B's. It does not pack weights.
 * Ideas: the blocking of GotoBLAS, https://dl.acm.org/doi/10.1145/1356052.1356053
 */

import { blockScratchBytes, defineBlock, panelWidth, rowsInPlace } from "./block.ts";
import type { Copies } from "./copy.ts";
import { apartBytes, arrangedBytes, defineFar, farSumsBytes } from "./far.ts";
import type { FunctionRef } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { blockDepth, packedRowStride } from "./tile.ts";
import { i32, quotientUp } from "./values.ts";
import type { Variant } from "./variant.ts";

/** Rows of A that a block holds: it stays in the second cache. */
export const blockRows = 252;
/** A packed matrix B of so many bytes stays in the second cache while all rows pass. */
const residentBytes = 2 ** 20;
/** Columns after which finished rows go through `finish`: what a block of rows has of them is still in the second cache. */
const columnsPerFinish = 256;
/** Steps of k in a block, where one is not enough: fewer than it may hold, so that a panel of B stays in the first cache. */
const manyBlocksDepth = 384;

const copiedBytes = arrangedBytes(blockRows);
/** Bytes that gemm uses from the instance's scratch address on. */
export const gemmScratchBytes = copiedBytes + blockScratchBytes + farSumsBytes + apartBytes(blockRows);

export const gemmParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "kStrideA", "b", "rowStrideB", "panelStrideB", "blockStrideB"],
  ...["start", "rowStrideStart", "columnStrideStart", "m", "n", "k"],
] as const;

/** finish(…finishParameters): `rows` × `columns` outputs at c are complete. `extra` and `kind` are what the product was called with; extra has C's shape. */
export const finishParameters = ["c", "extra", "rowStride", "rows", "columns", "kind"] as const;

export interface Gemm {
  /**
   * gemm(…gemmParameters): m rows, n columns, k products each. One of rowStrideA and kStrideA must be 4; blockStrideB is 0 where B is raw or all
   * of k lies together.
   */
  readonly gemm: FunctionRef;
  /**
   * The same followed by `finish`: gemm's parameters, then `extra` and `kind`; `finish` is not called if both are 0. Then far's `arranged` and
   * `arrangedBlock`, which only a B in blocks makes use of.
   */
  readonly finished: FunctionRef;
  /** far's. */
  readonly arrangeRows: FunctionRef;
}

export function defineGemm(module: ModuleBuilder, variant: Variant, copies: Copies, finish?: FunctionRef): Gemm {
  const { scratch } = module;
  const block = defineBlock(module, variant, copies, i32.add(scratch, copiedBytes));
  const { far, arrangeRows } = defineFar(module, variant, {
    ...{ copies, block, finish, mostRows: blockRows, a: scratch },
    sums: i32.add(scratch, copiedBytes + blockScratchBytes),
    apart: i32.add(scratch, copiedBytes + blockScratchBytes + farSumsBytes),
  });
  const width = panelWidth(variant);
  const parameters = [...gemmParameters, "extra", "kind", "arranged", "arrangedBlock"] as const;
  const finished = module.function(undefined, parameters, (f, ...[c, rowStrideC, a, rowStrideA, kStrideA, ...rest]) => {
    const [b, rowStrideB, panelStrideB, blockStrideB, start, rowStrideStart, columnStrideStart, ...others] = rest;
    const [m, n, k, extra, kind, arranged, arrangedBlock] = others;
    f.if(i32.or(i32.eqz(m), i32.eqz(n)), () => f.return());
    const transposed = f.i32(i32.ne(kStrideA, 4));
    const copied = f.i32(i32.or(transposed, i32.gtU(m, rowsInPlace)));
    const isFinished = f.i32(i32.ne(i32.or(extra, kind), 0));
    const isPacked = f.i32(i32.eq(rowStrideB, 4 * width));
    const bytesOfB = f.i32(i32.shl(i32.mul(n, k), 2));
    /** Steps of k that lie together in B. */
    const together = f.i32(i32.select(blockStrideB, i32.divU(panelStrideB, 4 * width), k));
    const blocksFit = f.i32(i32.and(isPacked, i32.leU(together, blockDepth)));
    /** Whoever arranged A did it for far, which shares that out. */
    const isResident = f.i32(i32.and(blocksFit, i32.and(i32.leU(bytesOfB, residentBytes), i32.eqz(arranged))));
    const isFar = i32.and(blocksFit, i32.eqz(isResident));
    f.if(i32.and(copied, isFar), () => {
      f.call(
        far,
        ...[c, rowStrideC, a, rowStrideA, kStrideA, b, panelStrideB, blockStrideB],
        ...[start, rowStrideStart, columnStrideStart, m, n, k, together, extra, kind, arranged, arrangedBlock],
      );
      f.return();
    });
    // Blocks of equal size. Few rows are read in place, and gain nothing from blocks of k but those of B; nor does what fits in one.
    const steps = f.i32(i32.and(i32.add(quotientUp(k, i32.or(quotientUp(k, manyBlocksDepth), i32.eqz(k))), 7), -8));
    f.if(i32.or(i32.eqz(copied), i32.leU(k, blockDepth)), () => f.setInt(steps, k));
    const inBlocks = i32.ltU(together, k);
    const bytesOfSteps = f.i32(i32.select(inBlocks, blockStrideB, i32.mul(steps, rowStrideB)));
    f.if(inBlocks, () => f.setInt(steps, together));
    const rows = f.i32(quotientUp(m, quotientUp(m, blockRows)));
    const [row, column, columns, left, depth] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [to, from, fromB, panel] = [f.i32(), f.i32(), f.i32(), f.i32()];
    const [first, rowStrideFirst, columnStrideFirst] = [f.i32(), f.i32(), f.i32()];

    f.for(row, 0, m, rows, () => {
      f.setInt(rows, i32.minU(i32.sub(m, row), rows));
      f.setInt(to, i32.add(c, i32.mul(row, rowStrideC)));
      f.setInt(from, i32.add(a, i32.mul(row, rowStrideA)));
      f.setInt(fromB, b);
      f.setInt(first, i32.add(start, i32.mul(row, rowStrideStart)));
      f.setInt(rowStrideFirst, rowStrideStart);
      f.setInt(columnStrideFirst, columnStrideStart);
      f.setInt(left, k);
      f.doWhile(() => {
        f.setInt(depth, i32.minU(left, steps));
        f.setInt(left, i32.sub(left, depth));
        f.if(copied, () =>
          f.if(
            transposed,
            () => f.call(copies.transpose, scratch, packedRowStride, from, kStrideA, rows, depth),
            () => f.call(copies.copyRows, scratch, packedRowStride, from, rowStrideA, rows, depth),
          ),
        );
        const isLast = i32.eqz(left);
        f.setInt(columns, n);
        if (finish) f.if(i32.and(isLast, isFinished), () => f.setInt(columns, i32.minU(n, columnsPerFinish)));
        f.setInt(panel, fromB);
        f.for(column, 0, n, columns, () => {
          f.setInt(columns, i32.minU(i32.sub(n, column), columns));
          const here = f.i32(i32.add(to, i32.shl(column, 2)));
          const panels = i32.mul(i32.divU(columns, width), panelStrideB);
          f.call(
            block,
            ...[here, rowStrideC, i32.select(copied, scratch, from), i32.select(copied, packedRowStride, rowStrideA)],
            ...[panel, rowStrideB, panelStrideB],
            ...[i32.add(first, i32.mul(column, columnStrideFirst)), rowStrideFirst, columnStrideFirst],
            ...[rows, columns, depth],
          );
          if (finish) {
            const after = i32.add(extra, i32.add(i32.mul(row, rowStrideC), i32.shl(column, 2)));
            f.if(i32.and(isLast, isFinished), () =>
              f.call(finish, here, i32.select(extra, after, 0), rowStrideC, rows, columns, kind),
            );
          }
          f.advance(panel, panels);
        });
        // Later blocks of k go on from what lies in C.
        f.setInt(first, to);
        f.setInt(rowStrideFirst, rowStrideC);
        f.setInt(columnStrideFirst, 4);
        f.advance(from, i32.mul(depth, kStrideA));
        f.advance(fromB, bytesOfSteps);
      }, left);
    });
  });
  const gemm = module.function("gemm", gemmParameters, (f, ...given) => f.call(finished, ...given, 0, 0, 0, 0));
  return { gemm, finished, arrangeRows };
}
