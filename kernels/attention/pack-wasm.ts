/**
 * Packing the keys and values of every text and head as the panels that gemm.ts reads, once an attention.
 *
 * Rows of a text that starts at row `from` as the batch's text t, for head x of h:
 *   keys    from row (from + t·keyPadding)·h + x·paddedRows on, `keyBytes` bytes a row: panels [width][columns], a column a key
 *   values  from row from·h + x·rows on, `valueBytes` bytes a row: panels [rows][columns]
 * Columns past the last key hold anything; nothing is read of the scores that they give.
 */

import { transpose4 } from "../assembler/copy.ts";
import type { FunctionBuilder, FunctionRef, Local } from "../assembler/function.ts";
import { roundUp } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { type Int, i32 } from "../assembler/values.ts";

export interface Copying {
  readonly copyRows: FunctionRef;
  readonly liveRows: FunctionRef;
}

/** Keys are packed in whole panels of any variant: a text may take so many rows more than it has. */
export const keyPadding = 15;
export const paddedRows = (rows: Int): Int => i32.and(i32.add(rows, keyPadding), ~keyPadding);

/** Bytes of a packed key, of a packed value, and of all of them. */
export function packedSizes(
  { n, texts, h, width }: { n: number; texts: number; h: number; width: number },
  panelWidth: number,
) {
  const keyBytes = 4 * roundUp(width, 4);
  const valueBytes = 4 * roundUp(width, panelWidth);
  return { keyBytes, valueBytes, keys: keyBytes * h * (n + keyPadding * texts), values: valueBytes * h * n };
}

/** First row and number of rows of text t. */
export function rowsOfText(f: FunctionBuilder, starts: Int, t: Int): readonly [Local<"i32">, Local<"i32">] {
  const entry = f.i32(i32.add(starts, i32.shl(t, 2)));
  const from = f.i32(i32.load(entry));
  return [from, f.i32(i32.sub(i32.load(entry, 4), from))];
}

/** Where a text's head has its packed keys and values. */
export function packedHead(
  f: FunctionBuilder,
  {
    keys,
    keyBytes,
    values,
    valueBytes,
    heads,
  }: Readonly<Record<"keys" | "keyBytes" | "values" | "valueBytes" | "heads", Int>>,
  { t, head, from, rows }: Readonly<Record<"t" | "head" | "from" | "rows", Int>>,
): readonly [key: Local<"i32">, value: Local<"i32">] {
  const keyRow = i32.add(i32.mul(i32.add(from, i32.mul(t, keyPadding)), heads), i32.mul(head, paddedRows(rows)));
  const valueRow = i32.add(i32.mul(from, heads), i32.mul(head, rows));
  return [f.i32(i32.add(keys, i32.mul(keyRow, keyBytes))), f.i32(i32.add(values, i32.mul(valueRow, valueBytes)))];
}

/** The task `packHeads`: chunk t·heads + head, texts of `fewRows` rows or less left out. `rowBytes` are those of a row of qkv, `headBytes` of a head's part of a query. */
export function definePackHeads(
  module: ModuleBuilder,
  width: number,
  fewRows: number,
  { copyRows, liveRows }: Copying,
): void {
  const panel = 4 * width;

  const packKeys = module.function(
    undefined,
    ["to", "key", "rowBytes", "rows", "keyBytes"],
    (f, to, key, rowBytes, rows, keyBytes) => {
      const column = f.i32();
      const offset = f.i32();
      const final = f.i32(i32.sub(rows, 1));
      // Four keys at a time; past the last one it is taken again.
      const four = [1, 2, 3].map((i) => ({ i, address: f.i32() }));
      f.for(column, 0, rows, 4, () => {
        const first = f.i32(i32.add(key, i32.mul(column, rowBytes)));
        for (const { i, address } of four) {
          const row = f.i32(i32.add(column, i));
          f.setInt(address, i32.add(key, i32.mul(i32.minU(row, final), rowBytes)));
        }
        const inPanel = i32.and(column, width - 1);
        const target = f.i32(i32.add(to, i32.add(i32.mul(i32.sub(column, inPanel), keyBytes), i32.shl(inPanel, 2))));
        const sources = [first, ...four.map(({ address }) => address)];
        f.for(offset, 0, keyBytes, 16, () => {
          transpose4(
            f,
            [0, 1, 2, 3].map((i) => [target, i * panel]),
            sources.map((source) => i32.add(source, offset)),
          );
          f.advance(target, 4 * panel);
        });
      });
    },
  );

  module.task(
    "packHeads",
    [
      ...(["qkv", "starts", "mask", "rowBytes", "headBytes"] as const),
      ...(["keys", "keyBytes", "values", "valueBytes", "heads"] as const),
    ] as const,
    (f, qkv, starts, mask, rowBytes, headBytes, keys, keyBytes, values, valueBytes, heads, chunk, last) => {
      const between = f.i32(i32.divU(rowBytes, 3));
      f.while(i32.ltU(chunk, last), () => {
        const t = f.i32(i32.divU(chunk, heads));
        const head = f.i32(i32.sub(chunk, i32.mul(t, heads)));
        const [from, rows] = rowsOfText(f, starts, t);
        f.if(i32.gtU(rows, fewRows), () => {
          const packed = { keys, keyBytes, values, valueBytes, heads };
          const [key, value] = packedHead(f, packed, { t, head, from, rows });
          const source = f.i32(i32.add(qkv, i32.add(i32.mul(from, rowBytes), i32.mul(head, headBytes))));
          f.advance(source, between);
          f.call(packKeys, key, source, rowBytes, rows, keyBytes);
          f.advance(source, between);
          const left = f.i32(i32.shrU(headBytes, 2));
          f.while(left, () => {
            const taken = f.i32(i32.minU(left, width));
            // A masked row's value is multiplied by 0; zeros in its place keep a NaN there from mattering.
            f.if(
              mask,
              () => f.call(liveRows, value, panel, source, rowBytes, rows, taken, i32.add(mask, i32.shl(from, 2))),
              () => f.call(copyRows, value, panel, source, rowBytes, rows, taken),
            );
            f.advance(value, i32.mul(rows, panel));
            f.advance(source, panel);
            f.setInt(left, i32.sub(left, taken));
          });
        });
        f.advance(chunk, 1);
      });
    },
  );
}
