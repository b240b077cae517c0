/**
 * The micro-kernel of the 8-bit product: rows × panels of int32 accumulators in registers over the whole depth, then the floats that they
 * stand for. It knows no blocks and no tails.
 *
 * A vector of B holds 4 columns with `group` neighbours in k each, a vector of A the row's same neighbours four times over, so
 * every instruction adds up neighbours in k and never mixes columns.
 *
 * plain          group 2: 16-bit integers (B widened as it is loaded); i32x4.dot_i16x8_s
 * relaxed, wide  group 4: i16x8.relaxed_dot_i8x16_i7x16_s, two products of at most 127 · 127 in 16 bits, then widened by a dot with ones;
 *                fused, where the processor can (fused-dot.ts): i32x4.relaxed_dot_i8x16_i7x16_add_s, which has the same sums.
 *                B is q + 64, within its 0 … 127; the row's accumulators start at −64 · Σ b, which takes that back.
 */
import { alongPanel, linesAhead } from "../assembler/ahead.ts";
import type { FunctionRef } from "../assembler/function.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32x4, i16x8, i32, i32x4, type Vec, v128 } from "../assembler/values.ts";
import { multiplyAdd, type Variant } from "../assembler/variant.ts";
import type { Int8Layout } from "./packing.ts";

export interface Int8Tiles extends Int8Layout {
  /** Columns of a panel, in vectors of four. */
  readonly vectors: number;
  /** Rows of the largest tile: what fills the registers without spilling. */
  readonly rows: number;
  /** The same of the fused form, if there is one: it needs no registers for products. */
  readonly fusedRows?: number;
  /** Panels that one or two rows meet at once, to have enough independent accumulators. */
  readonly panelsAtOnce: Readonly<Record<number, number>>;
  /** Bytes of an activation. */
  readonly activationBytes: 1 | 2;
}

const ofBytes = { rows: 5, fusedRows: 6, group: 4, offset: 64, activationBytes: 1 } as const;

export const int8Tiles: Readonly<Record<Variant, Int8Tiles>> = {
  plain: { vectors: 2, width: 8, rows: 4, group: 2, offset: 0, activationBytes: 2, panelsAtOnce: { 1: 4, 2: 2 } },
  relaxed: { ...ofBytes, vectors: 2, width: 8, panelsAtOnce: { 1: 4, 2: 2 } },
  wide: { ...ofBytes, vectors: 4, width: 16, panelsAtOnce: { 1: 4, 2: 2 } },
};

/** What a quantised row says of itself: 16 bytes. */
export const rowRecord = { scale: 0, mid: 4, start: 8, bytes: 16 } as const;

export const tileParameters = [
  ...["c", "rowStrideC", "a", "rowStrideA", "records", "b", "panelBytes"],
  ...["scales", "shifts", "bias", "depth"],
] as const;

export interface Int8TileForm {
  readonly variant: Variant;
  readonly fused: boolean;
  readonly rows: number;
  readonly panels: number;
}

/** tile(…tileParameters): c[i][j] = scale_i·scale_j·Σ b·q + mid_i·shift_j + bias_j; `depth` counts groups. */
export function defineInt8Tile(module: ModuleBuilder, { variant, fused, rows, panels }: Int8TileForm): FunctionRef {
  const { vectors, group, activationBytes } = int8Tiles[variant];
  const vectorBytes = 4 * group;
  const count = panels * vectors;
  const madd = multiplyAdd(variant);
  return module.function(undefined, tileParameters, (f, ...parameters) => {
    const [c, rowStrideC, a, rowStrideA, records, b, panelBytes, scales, shifts, bias, depth] = parameters;
    const steps = (first: Vec | typeof c, stride: typeof c, times: number) => {
      const addresses = [f.i32(first as typeof c)];
      for (let i = 1; i < times; i++) addresses.push(f.i32(i32.add(addresses[i - 1], stride)));
      return addresses;
    };
    const aRows = steps(a, rowStrideA, rows);
    const bPanels = steps(b, panelBytes, panels);
    // Loaded, not a literal: V8 would build a literal anew inside the loop.
    const ones = group === 2 || fused ? undefined : f.v128(module.splatInt(0x00010001));
    const sums = range(rows).map((i) => {
      const start = f.v128(v128.loadSplat(records, rowRecord.bytes * i + rowRecord.start));
      return range(count).map(() => f.v128(start));
    });
    const vectorOfB = (v: number): Vec => {
      const [address, at] = [bPanels[Math.floor(v / vectors)], vectorBytes * (v % vectors)];
      return group === 2 ? v128.load8x8S(address, at) : v128.load(address, at);
    };
    const dotAdd = (one: Vec, weights: Vec, sum: Vec): Vec => {
      if (fused) return i32x4.relaxedDotI8x16I7x16AddS(one, weights, sum);
      const dot = ones === undefined ? [one, weights] : [i16x8.relaxedDotI8x16I7x16S(one, weights), ones];
      return i32x4.add(sum, i32x4.dotI16x8S(dot[0], dot[1]));
    };
    // Several panels are several streams already.
    const ahead = panels > 1 ? undefined : () => linesAhead(f, bPanels[0], 1);
    alongPanel(f, { depth, unroll: 1, stepBytes: vectorBytes * vectors }, ahead, () => {
      if (panels > 1) {
        // Few rows: all of A's vectors fit in registers, B's pass by one at a time.
        const row = aRows.map((address) => f.v128(v128.loadSplat(address)));
        for (const v of range(count)) {
          const weights = rows > 1 ? f.v128(vectorOfB(v)) : vectorOfB(v);
          for (const [i, one] of row.entries()) f.set(sums[i][v], dotAdd(one, weights, sums[i][v]));
        }
      } else {
        const weights = range(count).map((v) => f.v128(vectorOfB(v)));
        for (const [i, address] of aRows.entries()) {
          const one = f.v128(v128.loadSplat(address));
          for (const v of range(count)) f.set(sums[i][v], dotAdd(one, weights[v], sums[i][v]));
        }
      }
      for (const address of aRows) f.advance(address, group * activationBytes);
      for (const address of bPanels) f.advance(address, vectorBytes * vectors);
    });
    for (const [i, address] of steps(c, rowStrideC, rows).entries()) {
      const scale = f.v128(v128.loadSplat(records, rowRecord.bytes * i + rowRecord.scale));
      const mid = f.v128(v128.loadSplat(records, rowRecord.bytes * i + rowRecord.mid));
      // Loads and sums first, then nothing but stores: V8's revectoriser gives up where a load may trap between two stores.
      const stage = (make: (v: number) => Vec) => range(count).map((v) => f.v128(make(v)));
      const [columnScales, columnShifts, biases] = [scales, shifts, bias].map((table) =>
        stage((v) => v128.load(table, 16 * v)),
      );
      const scaled = stage((v) => f32x4.mul(scale, columnScales[v]));
      const shifted = stage((v) => madd(mid, columnShifts[v], biases[v]));
      const values = stage((v) => madd(f32x4.convertI32x4S(sums[i][v]), scaled[v], shifted[v]));
      for (const [v, value] of values.entries()) f.storeVec(address, 16 * v, value);
    }
  });
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
