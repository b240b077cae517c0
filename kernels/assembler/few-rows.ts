/**
 * Few rows against panels that come from afar: what counts is how fast B arrives, so it is read as one stream that never stands still.
 *
 * Rows that need several tiles take turns at every few steps of a panel, while its lines are still in the first cache: tile after tile over a
 * whole panel would leave memory waiting. What else is touched is kept small and in order, as whatever comes from afar in between makes
 * the processor's prefetchers lose their way: A is copied as the tiles will read it, and the sums of unfinished outputs lie one panel's
 * behind the other's. Taking turns also spreads what tiles read ahead (ahead.ts) over the time in which it may come.
 */

import type { Copies } from "./copy.ts";
import type { FunctionBuilder, FunctionRef, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { defineSumsTile } from "./tile.ts";
import { type Int, i32, quotientUp, v128 } from "./values.ts";
import { tiles, type Variant } from "./variant.ts";

/** Steps of k that a tile takes before the next one's turn: more would leave the stream waiting, fewer cost more changes of sums. */
const stepsPerTurn = 48;

export interface FewRows {
  /** arrange(…arrangeParameters): `steps` of `rows` rows of A, as `pass` reads them. */
  readonly arrange: FunctionRef;
  /** pass(…passParameters): panels against arranged rows. `sums` holds what is unfinished, unless the pass is both the first and the last. */
  readonly pass: FunctionRef;
}

const arrangeParameters = ["to", "a", "rowStrideA", "kStrideA", "m", "steps"] as const;
const passParameters = [
  ...["c", "rowStrideC", "a", "b", "panelStrideB", "start", "rowStrideStart", "columnStrideStart", "sums"],
  ...["m", "columns", "steps", "isFirst", "isLast"],
] as const;

export function defineFewRows(module: ModuleBuilder, variant: Variant, copies: Copies): FewRows {
  const { rows: maximumRows, vectors } = tiles[variant];
  const width = 4 * vectors;
  const byRows = Array.from({ length: maximumRows }, (_, i) => defineSumsTile(module, variant, i + 1));
  const moveRows = defineMoveRows(module, vectors);

  const arrange = module.function(undefined, arrangeParameters, (f, to, a, rowStrideA, kStrideA, m, steps) => {
    const split = splitRows(f, m, maximumRows);
    eachTurn(f, steps, (first, taken) => {
      const row = f.i32(i32.add(a, i32.mul(first, kStrideA)));
      split((rows) => {
        f.if(
          i32.eq(kStrideA, 4),
          () => f.call(copies.transpose, to, i32.shl(rows, 2), row, rowStrideA, taken, rows),
          () => f.call(copies.copyRows, to, i32.shl(rows, 2), row, kStrideA, taken, rows),
        );
        f.advance(to, i32.shl(i32.mul(rows, taken), 2));
        f.advance(row, i32.mul(rows, rowStrideA));
      });
    });
  });

  const pass = module.function(undefined, passParameters, (f, c, rowStrideC, a, b, panelStrideB, ...rest) => {
    const [start, rowStrideStart, columnStrideStart, sums, m, columns, steps, isFirst, isLast] = rest;
    const split = splitRows(f, m, maximumRows);
    const sumsBytes = f.i32(i32.select(i32.and(isFirst, isLast), 0, i32.mul(m, 4 * width)));
    const [at, sum, lines, column] = [f.i32(), f.i32(), f.i32(), f.i32()];
    f.for(column, 0, columns, width, () => {
      f.if(isFirst, () => {
        f.call(moveRows, sums, 4 * width, start, rowStrideStart, m);
        f.advance(start, i32.mul(columnStrideStart, width));
      });
      f.setInt(lines, b);
      f.setInt(at, a);
      eachTurn(f, steps, (_, taken) => {
        f.setInt(sum, sums);
        split((rows) => {
          const call = (count: number): void => {
            const run = () => f.call(byRows[count - 1], sum, at, lines, taken);
            if (count === 1) run();
            else f.if(i32.eq(rows, count), run, () => call(count - 1));
          };
          call(maximumRows);
          f.advance(sum, i32.mul(rows, 4 * width));
          f.advance(at, i32.shl(i32.mul(rows, taken), 2));
        });
        f.advance(lines, i32.mul(taken, 4 * width));
      });
      f.if(isLast, () => {
        const left = f.i32(i32.sub(columns, column));
        f.if(
          i32.geU(left, width),
          () => f.call(moveRows, c, rowStrideC, sums, 4 * width, m),
          () => f.call(copies.copyRows, c, rowStrideC, sums, 4 * width, m, left),
        );
        f.advance(c, 4 * width);
      });
      f.advance(sums, sumsBytes);
      f.advance(b, panelStrideB);
    });
  });
  return { arrange, pass };
}

/** `body(first, taken)` for every turn of `steps` steps. */
function eachTurn(f: FunctionBuilder, steps: Int, body: (first: Local<"i32">, taken: Local<"i32">) => void): void {
  const [first, taken] = [f.i32(), f.i32()];
  f.for(first, 0, steps, stepsPerTurn, () => {
    f.setInt(taken, i32.minU(f.i32(i32.sub(steps, first)), stepsPerTurn));
    body(first, taken);
  });
}

/** Rows in tiles of equal size, as far as that goes: those with one row more come first. The result runs `body` for every tile. */
function splitRows(f: FunctionBuilder, m: Int, maximumRows: number): (body: (rows: Local<"i32">) => void) => void {
  const count = f.i32(quotientUp(m, maximumRows));
  const most = f.i32(quotientUp(m, count));
  const full = f.i32(i32.sub(m, i32.mul(count, i32.sub(most, 1))));
  return (body) => {
    const [tile, rows] = [f.i32(), f.i32()];
    f.for(tile, 0, count, 1, () => {
      f.setInt(rows, i32.sub(most, i32.geU(tile, full)));
      body(rows);
    });
  };
}

/** Rows of as many values as a panel is wide. */
function defineMoveRows(module: ModuleBuilder, vectors: number): FunctionRef {
  const parameters = ["to", "toStride", "from", "fromStride", "rows"] as const;
  return module.function(undefined, parameters, (f, to, toStride, from, fromStride, rows) => {
    f.while(rows, () => {
      for (let v = 0; v < vectors; v++) f.storeVec(to, 16 * v, v128.load(from, 16 * v));
      f.advance(to, toStride);
      f.advance(from, fromStride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}
