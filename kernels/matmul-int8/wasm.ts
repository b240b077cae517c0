/**
 * The 8-bit product in WebAssembly SIMD, two tasks one after the other: the rows of A become integers in the workspace, then blocks of
 * rows × columns are multiplied and finished (activation, residual) while they are in cache. The micro-kernel is in tile.ts.
 */
import type { Copies } from "../assembler/copy.ts";
import type { FunctionBuilder, FunctionRef, Local } from "../assembler/function.ts";
import { addressOf, type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { i32 } from "../assembler/values.ts";
import type { Variant } from "../assembler/variant.ts";
import type { Activation } from "../matmul/contract.ts";
import { activationCode } from "../matmul/product.ts";
import type { MatmulInt8Args } from "./contract.ts";
import { defineDotProbe } from "./fused-dot.ts";
import { partsOf } from "./packing.ts";
import { defineQuantiseRows } from "./rows-wasm.ts";
import { defineInt8Tile, int8Tiles, rowRecord } from "./tile.ts";

/** Rows of a block: their integers stay in the second cache. */
const blockRows = 120;
/** Rows that one chunk of the first task makes integers of. */
const rowsPerChunk = 4;
/** Columns of a block: few enough that its outputs are still in cache when they are finished; fewer to be shared among threads. */
const blockColumns = { alone: 256, shared: 64 } as const;

/** The functions gelu, tanh and add come first. */
export function defineMatmulInt8(module: ModuleBuilder, variant: Variant, copies: Copies): void {
  defineQuantiseRows(module, variant);
  const unfused = defineRowsOfPanels(module, variant, false, copies);
  const fused = int8Tiles[variant].fusedRows && defineRowsOfPanels(module, variant, true, copies);
  if (fused) defineDotProbe(module);
  const finish = defineFinish(module);
  const parameters = [
    ...(["out", "residual", "a", "rowStrideA", "records", "b", "panelBytes", "scales", "shifts"] as const),
    ...(["bias", "biasStep", "activation", "n", "m", "depth", "rowsAtOnce", "columnsAtOnce", "fuse"] as const),
  ] as const;
  module.task(
    "matmulInt8",
    parameters,
    (f, out, residual, a, rowStrideA, records, b, panelBytes, scales, shifts, ...rest) => {
      const [bias, biasStep, activation, n, m, depth, rowsAtOnce, columnsAtOnce, fuse, first, last] = rest;
      const blocks = f.i32(i32.divU(i32.add(m, i32.sub(columnsAtOnce, 1)), columnsAtOnce));
      const row = f.i32();
      const column = f.i32();
      const taken = f.i32();
      const columns = f.i32();
      const target = f.i32();
      const rowStride = f.i32(i32.shl(m, 2));
      f.for(first, first, last, 1, () => {
        f.setInt(row, i32.mul(i32.divU(first, blocks), rowsAtOnce));
        f.setInt(column, i32.mul(i32.remU(first, blocks), columnsAtOnce));
        f.setInt(taken, i32.minU(i32.sub(n, row), rowsAtOnce));
        f.setInt(columns, i32.minU(i32.sub(m, column), columnsAtOnce));
        f.setInt(target, i32.add(i32.mul(row, rowStride), i32.shl(column, 2)));
        const args = [
          ...[i32.add(out, target), rowStride, i32.add(a, i32.mul(row, rowStrideA)), rowStrideA],
          i32.add(records, i32.mul(row, rowRecord.bytes)),
          ...[i32.add(b, i32.mul(i32.divU(column, int8Tiles[variant].width), panelBytes)), panelBytes],
          ...[i32.add(scales, i32.shl(column, 2)), i32.add(shifts, i32.shl(column, 2))],
          ...[i32.add(bias, i32.mul(column, biasStep)), biasStep, taken, columns, depth],
        ];
        if (fused) {
          f.if(
            fuse,
            () => f.call(fused, ...args),
            () => f.call(unfused, ...args),
          );
        } else f.call(unfused, ...args);
        f.if(i32.or(activation, residual), () => {
          f.while(taken, () => {
            const added = i32.select(residual, i32.add(residual, target), 0);
            f.call(finish, i32.add(out, target), added, columns, activation);
            f.advance(target, rowStride);
            f.setInt(taken, i32.sub(taken, 1));
          });
        });
      });
    },
  );
}

/** A block of rows against its columns, panel by panel; a panel cut by the last column goes through the instance's scratch. */
function defineRowsOfPanels(module: ModuleBuilder, variant: Variant, fused: boolean, copies: Copies): FunctionRef {
  const { width, rows: unfusedRows, fusedRows, panelsAtOnce } = int8Tiles[variant];
  const maximumRows = (fused && fusedRows) || unfusedRows;
  const tileOf = (rows: number, panels: number) => defineInt8Tile(module, { variant, fused, rows, panels });
  const byRows = range(maximumRows).map((i) => tileOf(i + 1, 1));
  const several = Object.entries(panelsAtOnce).map(([rows, panels]) => ({
    rows: Number(rows),
    panels,
    tile: tileOf(Number(rows), panels),
  }));
  const parameters = [
    ...(["c", "rowStrideC", "a", "rowStrideA", "records", "b", "panelBytes", "scales", "shifts"] as const),
    ...(["bias", "biasStep", "rows", "columns", "depth"] as const),
  ] as const;
  return module.function(undefined, parameters, (f, c, rowStrideC, a, rowStrideA, records, b, panelBytes, ...rest) => {
    const [scales, shifts, bias, biasStep, rows, columns, depth] = rest;
    const next = (panels: number): void => {
      f.advance(c, 4 * width * panels);
      f.advance(b, i32.mul(panelBytes, panels));
      f.advance(scales, 4 * width * panels);
      f.advance(shifts, 4 * width * panels);
      f.advance(bias, i32.mul(biasStep, width * panels));
      f.setInt(columns, i32.sub(columns, width * panels));
    };
    for (const { rows: few, panels, tile } of several) {
      f.if(i32.eq(rows, few), () =>
        f.while(i32.geU(columns, panels * width), () => {
          f.call(tile, c, rowStrideC, a, rowStrideA, records, b, panelBytes, scales, shifts, bias, depth);
          next(panels);
        }),
      );
    }
    const [cut, left, tiles, taken] = [f.i32(), f.i32(), f.i32(), f.i32()];
    const [to, toStride, from, record, target] = [f.i32(), f.i32(), f.i32(), f.i32(), f.i32()];
    f.while(columns, () => {
      f.setInt(cut, i32.ltU(columns, width));
      f.setInt(left, rows);
      f.setInt(tiles, i32.divU(i32.add(rows, maximumRows - 1), maximumRows));
      f.setInt(to, c);
      f.setInt(toStride, i32.select(cut, 4 * width, rowStrideC));
      f.setInt(from, a);
      f.setInt(record, records);
      f.while(left, () => {
        // Tiles of nearly equal heights: 8 rows are 4 + 4, not 5 + 3.
        f.setInt(taken, i32.divU(i32.sub(i32.add(left, tiles), 1), tiles));
        f.setInt(target, i32.select(cut, module.scratch, to));
        dispatch(f, taken, byRows, (tile) =>
          f.call(tile, target, toStride, from, rowStrideA, record, b, panelBytes, scales, shifts, bias, depth),
        );
        f.if(cut, () => f.call(copies.copyRows, to, rowStrideC, module.scratch, 4 * width, taken, columns));
        f.advance(to, i32.mul(taken, rowStrideC));
        f.advance(from, i32.mul(taken, rowStrideA));
        f.advance(record, i32.mul(taken, rowRecord.bytes));
        f.setInt(left, i32.sub(left, taken));
        f.setInt(tiles, i32.sub(tiles, 1));
      });
      f.if(cut, () => f.return());
      next(1);
    });
  });
}

/** finish(out, residual or 0, columns, activation): what follows the product, in place, for a part of one row. */
function defineFinish(module: ModuleBuilder): FunctionRef {
  const functions = { gelu: module.named("gelu"), tanh: module.named("tanh") };
  const add = module.named("add");
  return module.function(
    undefined,
    ["out", "residual", "columns", "activation"],
    (f, out, residual, columns, activation) => {
      for (const [name, code] of Object.entries(activationCode))
        f.if(i32.eq(activation, code), () => f.call(functions[name as Activation], out, out, columns));
      f.if(residual, () => f.call(add, out, out, residual, columns));
    },
  );
}

/** Calls the tile of exactly `count` rows; larger ones are tested first, being the usual ones. */
function dispatch(
  f: FunctionBuilder,
  count: Local<"i32">,
  byRows: readonly FunctionRef[],
  call: (tile: FunctionRef) => void,
): void {
  const rows = byRows.length;
  if (rows === 1) call(byRows[0]);
  else
    f.if(
      i32.eq(count, rows),
      () => call(byRows[rows - 1]),
      () => dispatch(f, count, byRows.slice(0, -1), call),
    );
}

export const matmulInt8 =
  (machine: Machine) =>
  ({ out, a, weights, bias, residual, activation, n, k, m }: MatmulInt8Args<WasmHandle>): void => {
    if (n === 0 || m === 0) return;
    const tiles = int8Tiles[machine.variant];
    const { panelBytes, scales, shifts } = partsOf(k, m, tiles);
    const rowStride = tiles.activationBytes * roundUp(k, 16);
    const records = machine.workspace(roundUp(Math.ceil((n * (rowRecord.bytes + rowStride)) / machine.threads), 64));
    const integers = records + n * rowRecord.bytes;
    const quantise = [integers, rowStride, records, a.address, n, k, rowsPerChunk];
    machine.run("quantiseRows", quantise, Math.ceil(n / rowsPerChunk));
    const rowBlocks = Math.ceil(n / blockRows);
    const columns = machine.threads === 1 ? blockColumns.alone : blockColumns.shared;
    const start = bias ? [bias.address, 4] : [machine.zeros, 0];
    machine.run(
      "matmulInt8",
      [
        ...[out.address, addressOf(residual), integers, rowStride, records],
        ...[weights.address, panelBytes, weights.address + scales, weights.address + shifts, ...start],
        ...[
          activation ? activationCode[activation] : 0,
          n,
          m,
          Math.ceil(k / tiles.group),
          Math.ceil(n / rowBlocks),
          columns,
          Number(machine.fusesDot),
        ],
      ],
      rowBlocks * Math.ceil(m / columns),
    );
  };

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
