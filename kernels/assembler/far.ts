/**
 * The product with packed weights that no near cache holds, block of k by block of k.
 *
 * The first rows take the panels as they come from memory (few-rows.ts). If there are more, they do so for some columns at a time, and
 * the others follow while those panels are in the second cache: tiles at full speed that wait for nothing.
 */

import type { Copies } from "./copy.ts";
import { defineFewRows } from "./few-rows.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { packedRowStride } from "./tile.ts";
import { type Expr, type Int, i32, quotientUp } from "./values.ts";
import { tiles, type Variant } from "./variant.ts";

/** Rows that go with the stream: three full tiles, whose sums take as long as waiting for it. */
const mostWithStream = 18;
/** Values of A that may go with it: half the first cache, the rest of which is B's to pass through. */
const valuesWithStream = 2 ** 12;
/** What comes in before the other rows follow: less than half of a usual second cache. */
const groupBytes = 3 * 2 ** 17;
/** Columns whose sums there is room for. */
const mostColumns = 6144;
/**
 * Columns that take all of k before the next ones do, where that pays: their outputs stay in the second cache from block to block, and until the
 * last block they wait apart, as in a wide C each row of them is a page of its own.
 */
const columnsTogether = 256;
/** From so many rows on outputs are what fills it, */
const rowsTogether = 64;
/** and up to so many steps arranged rows are not. */
const stepsTogether = 1024;

/** Whether a product of so many rows, arranged beforehand, takes all of k for some columns at a time, and not a block of k for all columns. */
export const takesAllOfK = (rows: number, k: number): boolean => rows >= rowsTogether && k <= stepsTogether;

/** Bytes of arranged rows, of one block of k: those that go with the stream, then the others, `packedRowStride` apart. */
export const arrangedBytes = (rows: number): number => 4 * valuesWithStream + rows * packedRowStride;
/** Bytes from row to row of what waits apart. */
const apartStride = 4 * (columnsTogether + 16);
/** Bytes of so many rows of it. */
export const apartBytes = (rows: number): number => rows * apartStride;
/** Bytes that far uses for the sums of what is unfinished. */
export const farSumsBytes = 4 * mostWithStream * mostColumns;

export const farParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "kStrideA", "b", "panelStrideB", "blockStrideB"],
  ...["start", "rowStrideStart", "columnStrideStart", "m", "n", "k", "blockDepth", "extra", "kind"],
  ...["arranged", "arrangedBlock"],
] as const;

/** What far is made of. */
export interface FarParts {
  readonly copies: Copies;
  /** block.ts's, of rows whose A lies at `a`. */
  readonly block: FunctionRef;
  readonly finish: FunctionRef | undefined;
  readonly mostRows: number;
  /** Room for arrangedBytes(mostRows). */
  readonly a: Int;
  /** Room for farSumsBytes. */
  readonly sums: Int;
  /** Room for apartBytes(mostRows). */
  readonly apart: Int;
}

export interface Far {
  /**
   * far(…farParameters): `finished` of gemm.ts for packed B, blocks of `blockDepth` steps `blockStrideB` bytes apart. `arranged`, if not 0, is where
   * up to mostRows rows of A lie arranged already, a block of k every `arrangedBlock` bytes; A is not read then.
   */
  readonly far: FunctionRef;
  /** arrangeRows(…arrangeRowsParameters): `rows` rows and `steps` steps of A, in blocks of `blockDepth` steps, as far reads them. */
  readonly arrangeRows: FunctionRef;
}

const arrangeRowsParameters = ["to", "a", "rowStrideA", "kStrideA", "rows", "steps", "blockDepth"] as const;

export function defineFar(module: ModuleBuilder, variant: Variant, parts: FarParts): Far {
  const { copies, block, finish, mostRows } = parts;
  const width = 4 * tiles[variant].vectors;
  const { arrange, pass } = defineFewRows(module, variant, copies);
  /** How many of `rows` rows go with the stream. */
  const rowsFirst = (f: FunctionBuilder, rows: Local<"i32">, blockDepth: Int): Expr<"i32"> => {
    const most = f.i32(i32.minU(f.i32(i32.divU(valuesWithStream, blockDepth)), mostWithStream));
    return i32.minU(rows, most);
  };

  const arrangeRows = module.function(
    undefined,
    arrangeRowsParameters,
    (f, to, a, rowStrideA, kStrideA, rows, steps, blockDepth) => {
      const few = f.i32(rowsFirst(f, rows, blockDepth));
      f.call(arrange, to, a, rowStrideA, kStrideA, few, steps);
      const left = f.i32(i32.sub(rows, few));
      f.advance(to, 4 * valuesWithStream);
      f.advance(a, i32.mul(few, rowStrideA));
      f.if(
        i32.eq(kStrideA, 4),
        () => f.call(copies.copyRows, to, packedRowStride, a, rowStrideA, left, steps),
        () => f.call(copies.transpose, to, packedRowStride, a, kStrideA, left, steps),
      );
    },
  );

  const far = module.function(undefined, farParameters, (f, c, rowStrideC, a, rowStrideA, kStrideA, b, ...others) => {
    const [panelStrideB, blockStrideB, start, rowStrideStart, columnStrideStart, m, n, k, ...last] = others;
    const [blockDepth, extra, kind, arranged, arrangedBlock] = last;
    const sumsOfAll = f.i32(parts.sums);
    const isFinished = f.i32(i32.ne(i32.or(extra, kind), 0));
    const rowsAtOnce = f.i32(quotientUp(m, quotientUp(m, mostRows)));
    const groupColumns = f.i32(
      i32.mul(f.i32(i32.maxU(f.i32(i32.divU(i32.divU(groupBytes, i32.shl(blockDepth, 2)), width)), 1)), width),
    );
    const [row, rows, few, left, p, steps] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const rowsA = f.i32();
    const [from, fromB, first, rowStrideFirst, columnStrideFirst] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [chunk, chunkEnd, column, columns, sums] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];

    const fewSteps = i32.and(i32.geU(m, rowsTogether), i32.leU(k, stepsTogether));
    const isTogether = f.i32(i32.and(i32.ne(arranged, 0), fewSteps));
    const chunkColumns = f.i32(i32.select(isTogether, columnsTogether, mostColumns));
    const apart = f.i32(parts.apart);
    const [goal, rowStrideGoal] = [f.i32(), f.i32()];

    f.for(chunk, 0, n, chunkColumns, () =>
      f.for(row, 0, m, rowsAtOnce, () => {
        f.setInt(chunkEnd, i32.minU(f.i32(i32.add(chunk, chunkColumns)), n));
        f.setInt(rows, i32.minU(f.i32(i32.sub(m, row)), rowsAtOnce));
        f.setInt(few, rowsFirst(f, rows, blockDepth));
        f.setInt(rowsA, i32.select(arranged, arranged, parts.a));
        f.setInt(left, i32.sub(rows, few));
        f.setInt(from, i32.add(a, i32.mul(row, rowStrideA)));
        f.setInt(first, i32.add(start, i32.mul(row, rowStrideStart)));
        f.setInt(rowStrideFirst, rowStrideStart);
        f.setInt(columnStrideFirst, columnStrideStart);
        f.setInt(fromB, i32.add(b, i32.mul(i32.divU(chunk, width), panelStrideB)));
        const here = f.i32(i32.add(c, i32.mul(row, rowStrideC)));
        f.for(p, 0, k, blockDepth, () => {
          f.setInt(steps, i32.minU(f.i32(i32.sub(k, p)), blockDepth));
          const isLast = f.i32(i32.eq(i32.add(p, steps), k));
          f.if(i32.eqz(arranged), () =>
            f.call(arrangeRows, rowsA, from, rowStrideA, kStrideA, rows, steps, blockDepth),
          );
          const waitsApart = f.i32(i32.and(isTogether, i32.eqz(isLast)));
          f.setInt(goal, i32.select(waitsApart, i32.sub(apart, i32.shl(chunk, 2)), here));
          f.setInt(rowStrideGoal, i32.select(waitsApart, apartStride, rowStrideC));
          f.setInt(sums, sumsOfAll);
          f.setInt(columns, i32.select(left, groupColumns, mostColumns));
          const panel = f.i32(fromB);
          f.for(column, chunk, chunkEnd, columns, () => {
            f.setInt(columns, i32.minU(f.i32(i32.sub(chunkEnd, column)), columns));
            const target = f.i32(i32.add(goal, i32.shl(column, 2)));
            const begin = f.i32(i32.add(first, i32.mul(column, columnStrideFirst)));
            f.call(
              pass,
              ...[target, rowStrideGoal, rowsA, panel, panelStrideB, begin, rowStrideFirst, columnStrideFirst, sums],
              ...[few, columns, steps, i32.eqz(p), isLast],
            );
            f.if(left, () =>
              f.call(
                block,
                ...[i32.add(target, i32.mul(few, rowStrideGoal)), rowStrideGoal],
                ...[i32.add(rowsA, 4 * valuesWithStream), packedRowStride],
                ...[panel, 4 * width, panelStrideB],
                ...[i32.add(begin, i32.mul(few, rowStrideFirst)), rowStrideFirst, columnStrideFirst],
                ...[left, columns, steps],
              ),
            );
            if (finish) {
              const after = i32.add(extra, i32.add(i32.mul(row, rowStrideC), i32.shl(column, 2)));
              f.if(i32.and(isLast, isFinished), () =>
                f.call(finish, target, i32.select(extra, after, 0), rowStrideC, rows, columns, kind),
              );
            }
            f.advance(panel, i32.mul(i32.divU(columns, width), panelStrideB));
            f.advance(sums, i32.shl(i32.mul(few, columns), 2));
          });
          // The next block of k goes on from there.
          f.setInt(first, goal);
          f.setInt(rowStrideFirst, rowStrideGoal);
          f.setInt(columnStrideFirst, 4);
          f.advance(from, i32.mul(steps, kStrideA));
          f.advance(rowsA, arrangedBlock);
          f.advance(fromB, blockStrideB);
        });
      }),
    );
  });
  return { far, arrangeRows };
}
