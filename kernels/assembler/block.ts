/**
 * A block of rows and of k against all columns: panel by panel, or raw rows of B, which are copied panel by panel once enough rows of A share
 * the copy. It loops over tiles; blocks are its callers' affair.
 */

import type { Copies } from "./copy.ts";
import type { FunctionRef } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { blockDepth, defineSmallTile, defineTile } from "./tile.ts";
import { type Int, i32, quotientUp } from "./values.ts";
import { tiles, type Variant } from "./variant.ts";

/** From this many rows on, a raw panel of B is copied before use. */
const rowsWorthCopying = 12;
/** Up to so many rows need no copy of A: their tiles take it at any row stride. */
export const rowsInPlace = 3;

/**
 * Panels that one, two or three rows of A meet at once, to have enough independent accumulators. Three rows against two panels spill in
 * Node 20, which runs no wide variant.
 */
const panelsAtOnce = (variant: Variant): readonly number[] => [4, 2, variant === "wide" ? 2 : 1];

/** Columns of a panel. */
export const panelWidth = (variant: Variant): number => 4 * tiles[variant].vectors;

const panelScratchBytes = 4 * blockDepth * 16;
const tailTileBytes = 4 * 6 * 16;
/** Bytes that a block uses at `scratch`. */
export const blockScratchBytes = panelScratchBytes + tailTileBytes;

export const blockParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB", "panelStrideB"],
  ...["start", "rowStrideStart", "columnStrideStart", "rows", "columns", "depth"],
] as const;

/**
 * block(…blockParameters), with blockScratchBytes at `scratch`. Rows of which a full tile leaves so few that they meet several panels at once are
 * parted so, and B is read twice: two tiles of half as many would wait for their own sums.
 */
export function defineBlock(module: ModuleBuilder, variant: Variant, copies: Copies, scratch: Int): FunctionRef {
  const width = panelWidth(variant);
  const widthBytes = 4 * width;
  const panel = definePanel(module, variant, copies, i32.add(scratch, panelScratchBytes));
  const small = panelsAtOnce(variant).flatMap((panels, i) =>
    panels > 1 ? [{ few: i + 1, panels, tile: defineSmallTile(module, variant, i + 1, panels) }] : [],
  );
  const pass = module.function(undefined, blockParameters, (f, c, rowStrideC, a, rowStrideA, ...rest) => {
    const [b, rowStrideB, panelStrideB, start, rowStrideStart, columnStrideStart, rows, columns, depth] = rest;
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
      f.if(i32.eq(rows, few), () =>
        f.while(i32.geU(columns, panels * width), () => {
          f.call(tile, c, rowStrideC, start, rowStrideStart, a, rowStrideA, b, rowStrideB, panelStrideB, depth);
          nextPanels(panels);
        }),
      );
    }
    f.while(columns, () => {
      f.setInt(taken, i32.minU(columns, width));
      f.if(copied, () => f.call(copies.copyRows, scratch, widthBytes, b, rowStrideB, depth, taken));
      f.call(
        panel,
        ...[c, rowStrideC, a, rowStrideA],
        ...[i32.select(copied, scratch, b), i32.select(copied, widthBytes, rowStrideB)],
        ...[start, rowStrideStart, rows, taken, depth],
      );
      nextPanels(1);
      // The subtraction above took a whole panel: a cut one was the last.
      f.if(i32.ltU(taken, width), () => f.return());
    });
  });
  if (panelsAtOnce(variant)[rowsInPlace - 1] === 1) return pass;
  const { rows: tileRows } = tiles[variant];
  return module.function(undefined, blockParameters, (f, c, rowStrideC, a, rowStrideA, ...rest) => {
    const [b, rowStrideB, panelStrideB, start, rowStrideStart, columnStrideStart, rows, columns, depth] = rest;
    const left = f.i32(i32.sub(rows, tileRows));
    const isLittleLeft = i32.and(i32.gtU(rows, tileRows), i32.leU(left, rowsInPlace));
    const taken = f.i32(i32.select(isLittleLeft, tileRows, rows));
    f.while(rows, () => {
      f.call(
        pass,
        ...[c, rowStrideC, a, rowStrideA, b, rowStrideB, panelStrideB],
        ...[start, rowStrideStart, columnStrideStart, taken, columns, depth],
      );
      f.advance(c, i32.mul(taken, rowStrideC));
      f.advance(a, i32.mul(taken, rowStrideA));
      f.advance(start, i32.mul(taken, rowStrideStart));
      f.setInt(rows, i32.sub(rows, taken));
      f.setInt(taken, rows);
    });
  });
}

/** All rows of a block against one panel. */
function definePanel(module: ModuleBuilder, variant: Variant, copies: Copies, tailTile: Int): FunctionRef {
  const { rows: maximumRows } = tiles[variant];
  const widthBytes = 4 * panelWidth(variant);
  const byRows = Array.from({ length: maximumRows }, (_, i) =>
    i < rowsInPlace ? defineSmallTile(module, variant, i + 1, 1) : defineTile(module, variant, i + 1),
  );
  const parameters = [
    ...["c", "rowStrideC", "a", "rowStrideA", "b", "rowStrideB"],
    ...["start", "rowStrideStart", "rows", "columns", "depth"],
  ] as const;
  return module.function(undefined, parameters, (f, c, rowStrideC, a, rowStrideA, b, rowStrideB, ...rest) => {
    const [start, rowStrideStart, rows, columns, depth] = rest;
    const left = f.i32(quotientUp(rows, maximumRows));
    const isCut = f.i32(i32.ltU(columns, panelWidth(variant)));
    const target = f.i32(i32.select(isCut, tailTile, c));
    const targetStride = f.i32(i32.select(isCut, widthBytes, rowStrideC));
    const taken = f.i32();
    f.while(rows, () => {
      f.setInt(taken, quotientUp(rows, left));
      const call = (count: number): void => {
        const tile = byRows[count - 1];
        const common = [target, targetStride, start, rowStrideStart, a] as const;
        const run = () =>
          count <= rowsInPlace
            ? f.call(tile, ...common, rowStrideA, b, rowStrideB, 0, depth)
            : f.call(tile, ...common, b, rowStrideB, depth);
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
      f.setInt(rows, i32.sub(rows, taken));
      f.setInt(left, i32.sub(left, 1));
    });
  });
}
