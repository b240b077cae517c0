/**
 * The one matrix product behind every matmul, gradient and attention: C[i, j] = start[i, j] + Σ_p A[i, p] · B[p, j].
 *
 * Each output has one accumulator that starts at `start` and takes the products in increasing p, in every tile and tail alike,
 * so a row's result depends neither on the number of rows nor on its neighbours. Strides are run-time arguments in bytes.
 * A is copied block by block at a stride that suits the cache (transposed, if its rows are its columns in memory); three rows or
 * fewer are read in place, unless B is large: then they and some more are few-rows.ts's. B comes as panels of NR columns: packed beforehand (packed.ts), or raw rows, which are copied panel by panel once
 * enough rows of A share the copy. What follows a product (an activation, a residual) is the caller's `finish`, called on
 * outputs that are still in cache.
 * It may read, not write, up to 4·NR bytes past the end of B's and start's rows. It does not pack weights.
 * Ideas: the blocking of GotoBLAS, https://dl.acm.org/doi/10.1145/1356052.1356053
 */

import type { Copies } from "./copy.ts";
import { defineFewRows, fewRowsScratch, fewRowsValues, mostFewRows } from "./few-rows.ts";
import type { FunctionRef } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { blockDepth, defineSmallTile, defineTile, packedRowStride } from "./tile.ts";
import { i32, quotientUp } from "./values.ts";
import { tiles, type Variant } from "./variant.ts";

/** Rows of A that a block holds: it stays in the second cache. */
const blockRows = 252;
/** From this many rows on, a raw panel of B is copied before use. */
const rowsWorthCopying = 12;
/** A packed matrix B of so many bytes, if one block of k holds it, stays in the second cache while all rows pass. */
const residentBytes = 2 ** 20;
/** A packed matrix of more bytes usually comes from memory: then even one to three rows gain by reading it in order. */
const farBytes = 2 ** 22;
/** Columns after which finished rows go through `finish`: what a block of rows has of them is still in the second cache. */
const columnsPerFinish = 256;
/** Steps of k in a block, where one is not enough: fewer than it may hold, so that a panel of B stays in the first cache. */
const manyBlocksDepth = 384;

/**
 * Panels that one, two or three rows of A meet at once, to have enough independent accumulators. Three rows against two panels spill in
 * Node 20, which runs no wide variant.
 */
const panelsAtOnce = (variant: Variant): readonly number[] => [4, 2, variant === "wide" ? 2 : 1];
/** Up to so many rows are read in place. */
const rowsInPlace = 3;

/** Columns of a panel. */
export const panelWidth = (variant: Variant): number => 4 * tiles[variant].vectors;

const panelScratchBytes = 4 * blockDepth * 16;
const tailTileBytes = 4 * 6 * 16;
/** Bytes that gemm uses from the instance's scratch address on. */
export const gemmScratchBytes = blockRows * packedRowStride + panelScratchBytes + tailTileBytes;

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
  /** The same followed by `finish`: gemm's parameters, then `extra` and `kind`. `finish` is not called if both are 0. */
  readonly finished: FunctionRef;
}

export function defineGemm(module: ModuleBuilder, variant: Variant, copies: Copies, finish?: FunctionRef): Gemm {
  const block = defineBlock(module, variant, copies);
  const fewRows = defineFewRows(module, variant, copies);
  const { scratch } = module;
  const width = panelWidth(variant);
  const parameters = [...gemmParameters, "extra", "kind"] as const;
  const finished = module.function(undefined, parameters, (f, ...[c, rowStrideC, a, rowStrideA, kStrideA, ...rest]) => {
    const [b, rowStrideB, panelStrideB, blockStrideB, start, rowStrideStart, columnStrideStart, ...others] = rest;
    const [m, n, k, extra, kind] = others;
    f.if(i32.or(i32.eqz(m), i32.eqz(n)), () => f.return());
    const transposed = f.i32(i32.ne(kStrideA, 4));
    const copied = f.i32(i32.or(transposed, i32.gtU(m, rowsInPlace)));
    const isFinished = f.i32(i32.ne(i32.or(extra, kind), 0));
    const isPacked = f.i32(i32.eq(rowStrideB, 4 * width));
    const isResident = i32.and(i32.leU(i32.shl(i32.mul(n, k), 2), residentBytes), i32.leU(k, blockDepth));
    const order = f.i32(i32.select(i32.and(isResident, isPacked), inOrder, readAhead));
    /** Steps of k that lie together in B. */
    const together = f.i32(i32.select(blockStrideB, i32.divU(panelStrideB, 4 * width), k));
    const isFar = i32.gtU(i32.shl(i32.mul(n, k), 2), farBytes);
    const fits = i32.and(i32.leU(m, mostFewRows), i32.leU(i32.mul(m, together), fewRowsValues));
    const isFew = i32.and(i32.or(copied, isFar), i32.and(isPacked, fits));
    f.if(i32.and(isFew, i32.eq(order, readAhead)), () =>
      f.if(i32.leU(fewRowsScratch(m, n, k, width), gemmScratchBytes), () => {
        f.call(
          fewRows,
          ...[c, rowStrideC, a, rowStrideA, kStrideA, b, panelStrideB, blockStrideB],
          ...[start, rowStrideStart, columnStrideStart, m, n, k, together],
        );
        if (finish) f.if(isFinished, () => f.call(finish, c, extra, rowStrideC, m, n, kind));
        f.return();
      }),
    );
    // Blocks of equal size. Few rows are read in place, and gain nothing from blocks of k; nor does what fits in one.
    const steps = f.i32(i32.and(i32.add(quotientUp(k, i32.or(quotientUp(k, manyBlocksDepth), i32.eqz(k))), 7), -8));
    f.if(i32.or(i32.eqz(copied), i32.leU(k, blockDepth)), () => f.setInt(steps, k));
    // A B that lies in blocks is taken block by block, or by as many at once as A's block has room for.
    const inBlocks = f.i32(i32.ltU(together, k));
    const atOnce = f.i32(1);
    f.if(inBlocks, () => {
      f.if(i32.gtU(m, mostFewRows), () => f.setInt(atOnce, i32.divU(blockDepth, together)));
      f.setInt(steps, i32.mul(together, atOnce));
    });
    const bytesOfSteps = f.i32(i32.select(inBlocks, i32.mul(blockStrideB, atOnce), i32.mul(steps, rowStrideB)));
    const rows = f.i32(quotientUp(m, quotientUp(m, blockRows)));
    const [row, column, columns, left, depth] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [to, from, fromB, panel, next] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
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
        // What is read after this block of k, to be read ahead; a shorter last block is not, as that could pass the end of B.
        f.setInt(next, i32.select(i32.geU(left, depth), i32.add(fromB, bytesOfSteps), 0));
        f.if(isLast, () => f.setInt(next, 0));
        f.for(column, 0, n, columns, () => {
          f.setInt(columns, i32.minU(i32.sub(n, column), columns));
          const here = f.i32(i32.add(to, i32.shl(column, 2)));
          const panels = i32.mul(i32.divU(columns, width), panelStrideB);
          const isEnd = i32.eq(i32.add(column, columns), n);
          f.call(
            block,
            ...[here, rowStrideC, i32.select(copied, scratch, from), i32.select(copied, packedRowStride, rowStrideA)],
            ...[panel, rowStrideB, panelStrideB, i32.select(isEnd, next, i32.add(panel, panels))],
            ...[i32.add(first, i32.mul(column, columnStrideFirst)), rowStrideFirst, columnStrideFirst],
            ...[rows, columns, depth, together, blockStrideB, order],
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
  const gemm = module.function("gemm", gemmParameters, (f, ...given) => f.call(finished, ...given, 0, 0));
  return { gemm, finished };
}

/**
 * How a pass over the panels reads them. `readAhead`: while all rows pass a panel the next one is read. `inOrder`: nothing but B is read, from end
 * to end; `anyOrder`: B is in the second cache already. Only `readAhead` is 0.
 */
const [readAhead, inOrder, anyOrder] = [0, 1, 2];

/**
 * A block of rows and k against all columns; `next` is where B goes on afterwards, or 0.
 *
 * A large B is read ahead panel by panel, while all rows pass the panel before. A resident one passes the rows of the first tile panel after
 * panel, and then the others: read from end to end at the pace of one tile, it comes from the third cache as fast as prefetchers can
 * bring it; anything else that is read in between makes them lose their way.
 */
function defineBlock(module: ModuleBuilder, variant: Variant, copies: Copies): FunctionRef {
  const width = panelWidth(variant);
  const widthBytes = 4 * width;
  const panel = definePanel(module, variant, copies);
  const small = panelsAtOnce(variant).flatMap((panels, i) =>
    panels > 1 ? [{ few: i + 1, panels, tile: defineSmallTile(module, variant, i + 1, panels) }] : [],
  );
  const panelScratch = i32.add(module.scratch, blockRows * packedRowStride);
  const parameters = [
    ...["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB", "panelStrideB", "next"],
    ...["start", "rowStrideStart", "columnStrideStart"],
    ...["rows", "columns", "depth", "together", "blockStrideB", "order"],
  ] as const;
  const pass = module.function(undefined, parameters, (f, c, rowStrideC, a, rowStrideA, ...rest) => {
    const [b, rowStrideB, panelStrideB, next, start, rowStrideStart, columnStrideStart, ...sizes] = rest;
    const [rows, columns, depth, together, blockStrideB, order] = sizes;
    const isRaw = f.i32(i32.ne(rowStrideB, widthBytes));
    const copied = f.i32(i32.and(i32.gtU(rows, rowsWorthCopying), isRaw));
    const taken = f.i32();
    const nextPanels = (panels: number) => {
      f.advance(c, panels * widthBytes);
      f.advance(b, i32.mul(panelStrideB, panels));
      f.advance(start, i32.mul(columnStrideStart, panels * width));
      f.setInt(columns, i32.sub(columns, panels * width));
    };
    for (const { few, panels, tile } of small) {
      f.if(i32.and(i32.eq(rows, few), i32.ne(order, inOrder)), () =>
        f.while(i32.geU(columns, panels * width), () => {
          f.call(tile, c, rowStrideC, start, rowStrideStart, a, rowStrideA, b, rowStrideB, panelStrideB, depth);
          nextPanels(panels);
        }),
      );
    }
    f.while(columns, () => {
      f.setInt(taken, i32.minU(columns, width));
      f.if(copied, () => f.call(copies.copyRows, panelScratch, widthBytes, b, rowStrideB, depth, taken));
      f.call(
        panel,
        ...[c, rowStrideC, a, rowStrideA],
        ...[i32.select(copied, panelScratch, b), i32.select(copied, widthBytes, rowStrideB)],
        i32.select(i32.or(isRaw, order), 0, i32.select(i32.gtU(columns, width), i32.add(b, panelStrideB), next)),
        ...[start, rowStrideStart, rows, taken, depth, i32.select(copied, depth, together), blockStrideB],
      );
      nextPanels(1);
      // The subtraction above took a whole panel: a cut one was the last.
      f.if(i32.ltU(taken, width), () => f.return());
    });
  });
  const { rows: tileRows } = tiles[variant];
  return module.function(undefined, parameters, (f, c, rowStrideC, a, rowStrideA, ...rest) => {
    const [b, rowStrideB, panelStrideB, next, start, rowStrideStart, columnStrideStart, ...sizes] = rest;
    const [rows, columns, depth, together, blockStrideB, order] = sizes;
    const first = f.i32(i32.select(order, quotientUp(rows, quotientUp(rows, tileRows)), rows));
    f.while(rows, () => {
      f.call(
        pass,
        ...[c, rowStrideC, a, rowStrideA, b, rowStrideB, panelStrideB, next],
        ...[start, rowStrideStart, columnStrideStart, first, columns, depth, together, blockStrideB, order],
      );
      f.advance(c, i32.mul(first, rowStrideC));
      f.advance(a, i32.mul(first, rowStrideA));
      f.advance(start, i32.mul(first, rowStrideStart));
      f.setInt(rows, i32.sub(rows, first));
      f.setInt(first, rows);
      f.setInt(order, i32.select(order, anyOrder, readAhead));
    });
  });
}

/**
 * All rows of a block against one panel, while the panel at `next` (0: none) is read ahead. `together` steps of a panel lie together; its
 * other parts follow `blockStrideB` bytes on.
 */
function definePanel(module: ModuleBuilder, variant: Variant, copies: Copies): FunctionRef {
  const { rows: maximumRows, unroll, streams } = tiles[variant];
  const widthBytes = 4 * panelWidth(variant);
  const byRows = Array.from({ length: maximumRows }, (_, i) =>
    i < rowsInPlace ? defineSmallTile(module, variant, i + 1, 1) : defineTile(module, variant, i + 1),
  );
  const tailTile = i32.add(module.scratch, blockRows * packedRowStride + panelScratchBytes);
  const parameters = [
    ...["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB", "next"],
    ...["start", "rowStrideStart", "rows", "columns", "depth", "together", "blockStrideB"],
  ] as const;
  return module.function(undefined, parameters, (f, c, rowStrideC, a, rowStrideA, b, rowStrideB, next, ...rest) => {
    const [start, rowStrideStart, rows, columns, depth, together, blockStrideB] = rest;
    const part = f.i32(i32.minU(depth, together));
    const left = f.i32(quotientUp(rows, maximumRows));
    const isCut = f.i32(i32.ltU(columns, panelWidth(variant)));
    const target = f.i32(i32.select(isCut, tailTile, c));
    const targetStride = f.i32(i32.select(isCut, widthBytes, rowStrideC));
    const taken = f.i32();
    // The tiles share the next panel out. A single one reads B as fast as it comes: its loads are the prefetcher's best guide.
    const [ahead, apart, step] = [f.i32(b), f.i32(), f.i32()];
    f.if(i32.select(i32.gtU(left, 1), next, 0), () => {
      const bytes = f.i32(i32.mul(part, widthBytes));
      f.setInt(ahead, next);
      f.setInt(apart, i32.divU(bytes, streams));
      f.setInt(step, quotientUp(apart, i32.mul(i32.add(i32.divU(part, unroll), 1), left)));
    });
    const readPerTile = f.i32(i32.mul(i32.divU(part, unroll), step));
    const toNextPart = f.i32(i32.sub(blockStrideB, i32.mul(part, rowStrideB)));
    const aheadToNextPart = f.i32(i32.select(step, i32.sub(blockStrideB, readPerTile), 0));
    const lastAhead = f.i32(i32.sub(i32.add(ahead, apart), readPerTile));
    f.while(rows, () => {
      f.setInt(taken, quotientUp(rows, left));
      const call = (count: number): void => {
        const tile = byRows[count - 1];
        const common = [target, targetStride, start, rowStrideStart, a] as const;
        const run = () =>
          count <= rowsInPlace
            ? f.call(tile, ...common, rowStrideA, b, rowStrideB, 0, depth)
            : f.call(
                tile,
                ...[...common, b, rowStrideB, depth, part, toNextPart],
                ...[ahead, apart, step, aheadToNextPart],
              );
        if (count === 1) run();
        else f.if(i32.eq(taken, count), run, () => call(count - 1));
      };
      call(maximumRows);
      f.if(
        isCut,
        () => f.call(copies.copyRows, c, rowStrideC, tailTile, widthBytes, taken, columns),
        () => f.advance(target, i32.mul(taken, rowStrideC)),
      );
      f.advance(c, i32.mul(taken, rowStrideC));
      f.advance(a, i32.mul(taken, rowStrideA));
      f.advance(start, i32.mul(taken, rowStrideStart));
      f.setInt(ahead, i32.minU(i32.add(ahead, readPerTile), lastAhead));
      f.setInt(rows, i32.sub(rows, taken));
      f.setInt(left, i32.sub(left, 1));
    });
  });
}
