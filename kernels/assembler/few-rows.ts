/**
 * The product of few rows with packed weights that no near cache holds: what counts is how fast B arrives.
 *
 * B is read once, from end to end: block of k by block of k, panel by panel, as it lies. Rows that need several tiles take turns at every few
 * steps of a panel, while its lines are still in the first cache; so the processor's prefetchers see one stream that never stands still.
 * What else is touched is kept small and in order, as anything that comes from afar in between makes them lose their way: A is copied
 * as the tiles will read it, and sums of unfinished outputs lie one panel's behind the other's.
 */

import type { Copies } from "./copy.ts";
import type { FunctionRef } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { defineSumsTile } from "./tile.ts";
import { type Int, i32, quotientUp, v128 } from "./values.ts";
import { tiles, type Variant } from "./variant.ts";

/** Rows up to which B's arrival is what a product waits for. */
export const mostFewRows = 18;
/** Values of A that may meet a block of B: half the first cache, the rest of which is B's to pass through. */
export const fewRowsValues = 2 ** 12;
/** Steps of k that a tile takes before the next one's turn: more would leave the stream waiting, fewer cost more changes of sums. */
const stepsPerTurn = 48;

export const fewRowsParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "kStrideA", "b", "panelStrideB", "blockStrideB"],
  ...["start", "rowStrideStart", "columnStrideStart", "m", "n", "k", "blockDepth"],
] as const;

/** Bytes of scratch that it works in. */
export const fewRowsScratch = (m: Int, n: Int, k: Int, width: number): Int =>
  i32.shl(i32.mul(m, i32.add(i32.add(n, width), k)), 2);

/** fewRows(…fewRowsParameters): gemm of at most `mostFewRows` rows and packed B, in fewRowsScratch bytes at `scratch`. */
export function defineFewRows(module: ModuleBuilder, variant: Variant, copies: Copies): FunctionRef {
  const { rows: maximumRows, vectors } = tiles[variant];
  const width = 4 * vectors;
  const byRows = Array.from({ length: maximumRows }, (_, i) => defineSumsTile(module, variant, i + 1));

  /** Rows of `width` values. */
  const movePanel = module.function(
    undefined,
    ["to", "toStride", "from", "fromStride", "rows"],
    (f, to, toStride, from, fromStride, rows) => {
      f.doWhile(() => {
        for (let v = 0; v < vectors; v++) f.storeVec(to, 16 * v, v128.load(from, 16 * v));
        f.advance(to, toStride);
        f.advance(from, fromStride);
        f.setInt(rows, i32.sub(rows, 1));
      }, rows);
    },
  );

  return module.function(undefined, fewRowsParameters, (f, c, rowStrideC, a, rowStrideA, kStrideA, ...rest) => {
    const [b, panelStrideB, blockStrideB, start, rowStrideStart, columnStrideStart, m, n, k, blockDepth] = rest;
    const tilesOfAll = f.i32(quotientUp(m, maximumRows));
    const large = f.i32(quotientUp(m, tilesOfAll));
    /** Tiles of `large` rows, which come first; the others have one row less. */
    const largeTiles = f.i32(i32.sub(m, i32.mul(tilesOfAll, i32.sub(large, 1))));
    const [p, end, q, steps, tile, rows] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const [at, sum, sums, panel, column, row] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    const turns = (from: Int, to: Int, body: () => void): void =>
      f.for(q, from, to, stepsPerTurn, () => {
        f.setInt(steps, i32.minU(f.i32(i32.sub(to, q)), stepsPerTurn));
        body();
      });
    const eachTile = (body: () => void): void =>
      f.for(tile, 0, tilesOfAll, 1, () => {
        f.setInt(rows, i32.sub(large, i32.geU(tile, largeTiles)));
        body();
        f.advance(at, i32.shl(i32.mul(rows, steps), 2));
      });

    // A in the order in which it will be read: turn by turn, tile by tile, step by step.
    f.setInt(at, module.scratch);
    f.for(p, 0, k, blockDepth, () => {
      f.setInt(end, i32.minU(f.i32(i32.add(p, blockDepth)), k));
      turns(p, end, () => {
        f.setInt(row, a);
        eachTile(() => {
          const from = f.i32(i32.add(row, i32.mul(q, kStrideA)));
          f.if(
            i32.eq(kStrideA, 4),
            () => f.call(copies.transpose, at, i32.shl(rows, 2), from, rowStrideA, steps, rows),
            () => f.call(copies.copyRows, at, i32.shl(rows, 2), from, kStrideA, steps, rows),
          );
          f.advance(row, i32.mul(rows, rowStrideA));
        });
      });
    });

    const sumsOfAll = f.i32(at);
    const sumsBytes = f.i32(i32.mul(m, 4 * width));
    f.for(p, 0, k, blockDepth, () => {
      f.setInt(end, i32.minU(f.i32(i32.add(p, blockDepth)), k));
      f.setInt(panel, b);
      f.setInt(sums, sumsOfAll);
      f.for(column, 0, n, width, () => {
        f.if(i32.eqz(p), () => {
          f.call(movePanel, sums, 4 * width, start, rowStrideStart, m);
          f.advance(start, i32.mul(columnStrideStart, width));
        });
        const lines = f.i32(panel);
        turns(p, end, () => {
          f.setInt(at, i32.add(module.scratch, i32.shl(i32.mul(q, m), 2)));
          f.setInt(sum, sums);
          eachTile(() => {
            const call = (count: number): void => {
              const run = () => f.call(byRows[count - 1], sum, at, lines, steps);
              if (count === 1) run();
              else f.if(i32.eq(rows, count), run, () => call(count - 1));
            };
            call(maximumRows);
            f.advance(sum, i32.mul(rows, 4 * width));
          });
          f.advance(lines, i32.mul(steps, 4 * width));
        });
        f.if(i32.eq(end, k), () => {
          const left = f.i32(i32.sub(n, column));
          f.if(
            i32.geU(left, width),
            () => f.call(movePanel, c, rowStrideC, sums, 4 * width, m),
            () => f.call(copies.copyRows, c, rowStrideC, sums, 4 * width, m, left),
          );
          f.advance(c, 4 * width);
        });
        // Where one block holds all of k, nothing is unfinished when the next panel begins.
        f.if(i32.ltU(blockDepth, k), () => f.advance(sums, sumsBytes));
        f.advance(panel, panelStrideB);
      });
      f.advance(b, blockStrideB);
    });
  });
}
