/**
 * Ragged attention in WebAssembly SIMD, in two or three tasks: keys and values of each text and head are packed once; blocks of queries
 * go through scores, whole-row softmax and mix while their scores stay in cache; importance is summed up.
 * Products and softmax are the functions of gemm.ts and softmax/wasm.ts; this file only orders them. Every query's result depends on
 * its text alone, and blocks are counted from the text's first row, so neither the batch nor the number of threads changes a bit.
 */

import { mapRow, sumRow } from "../assembler/elementwise.ts";
import type { FunctionRef } from "../assembler/function.ts";
import { addressOf, floatBits, type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, type Int, i32, v128 } from "../assembler/values.ts";
import type { AttentionArgs } from "./contract.ts";
import { type Copying, definePackHeads, packedHead, packedSizes, paddedRows, rowsOfText } from "./pack-wasm.ts";

/** Queries of a chunk, whose scores are held at a time. */
const queriesOfBlock = 48;

/** Texts of so few rows take products row by row from qkv: packing would cost more than it saves. */
const fewRows = 6;

/** The functions that attention is made of. */
export interface AttentionParts extends Copying {
  readonly gemm: FunctionRef;
  readonly softmaxRows: FunctionRef;
  readonly maskedSoftmaxRows: FunctionRef;
  readonly addRows: FunctionRef;
}

/** `width`: columns of a panel. */
export function defineAttention(module: ModuleBuilder, width: number, parts: AttentionParts): void {
  const panel = 4 * width;
  definePackHeads(module, width, fewRows, parts);

  /** Scores of all queries of a text from its rows of qkv; keys lie `apart` bytes behind queries. */
  const fewScores = module.function(
    undefined,
    ["scores", "stride", "queries", "rowBytes", "apart", "rows", "depth"],
    (f, scores, stride, queries, rowBytes, apart, rows, depth) => {
      const i = f.i32();
      const j = f.i32();
      f.for(i, 0, rows, 1, () =>
        f.for(j, 0, rows, 1, () => {
          const query = f.i32(i32.add(queries, i32.mul(i, rowBytes)));
          const key = f.i32(i32.add(i32.add(queries, apart), i32.mul(j, rowBytes)));
          const score = sumRow(f, module, depth, [query, key], ([q, k]) => f32x4.mul(q, k));
          f.storeFloat(i32.add(i32.add(scores, i32.mul(i, stride)), i32.shl(j, 2)), 0, score);
        }),
      );
    },
  );
  /** Each query's values, mixed as its scores say; a probability of 0 leaves its value out, NaN and all. */
  const fewMixes = module.function(
    undefined,
    ["to", "toBytes", "scores", "stride", "values", "rowBytes", "rows", "depth"],
    (f, to, toBytes, scores, stride, values, rowBytes, rows, depth) => {
      const i = f.i32();
      f.for(i, 0, rows, 1, () => {
        f.fill(to, 0, i32.shl(depth, 2));
        f.call(parts.addRows, to, values, rowBytes, rows, depth, scores);
        f.advance(to, toBytes);
        f.advance(scores, stride);
      });
    },
  );

  /**
   * Chunk (t·heads + head)·blocks + block. `partials`, if not 0, has a row of `partialBytes` bytes for each head and block, which gets the
   * attention that the block's queries pay to each row. Each thread has `scoreBytes` bytes at `scores`.
   */
  const parameters = [
    ...(["qkv", "starts", "mask", "rowBytes", "headBytes"] as const),
    ...(["keys", "keyBytes", "values", "valueBytes", "heads"] as const),
    ...(["out", "scores", "scoreBytes", "partials", "partialBytes", "blocks", "scale"] as const),
  ] as const;
  module.task("attendBlocks", parameters, (f, qkv, starts, mask, rowBytes, headBytes, ...rest) => {
    const [keys, keyBytes, values, valueBytes, heads, out, scores, scoreBytes, ...others] = rest;
    const [partials, partialBytes, blocks, scale, chunk, last] = others;
    const outBytes = f.i32(i32.divU(rowBytes, 3));
    const depth = f.i32(i32.shrU(headBytes, 2));
    f.advance(scores, i32.mul(module.thread, scoreBytes));
    f.while(i32.ltU(chunk, last), () => {
      const pair = f.i32(i32.divU(chunk, blocks));
      const block = f.i32(i32.sub(chunk, i32.mul(pair, blocks)));
      const t = f.i32(i32.divU(pair, heads));
      const head = f.i32(i32.sub(pair, i32.mul(t, heads)));
      const [from, rows] = rowsOfText(f, starts, t);
      const first = f.i32(i32.mul(block, queriesOfBlock));
      f.if(i32.ltU(first, rows), () => {
        const taken = f.i32(i32.minU(f.i32(i32.sub(rows, first)), queriesOfBlock));
        const columns = f.i32(paddedRows(rows));
        const stride = f.i32(i32.shl(columns, 2));
        const packed = { keys, keyBytes, values, valueBytes, heads };
        const [key, value] = packedHead(f, packed, { t, head, from, rows });
        const query = f.i32(i32.add(from, first));
        const ofHead = f.i32(i32.mul(head, headBytes));
        const queries = f.i32(i32.add(qkv, i32.add(i32.mul(query, rowBytes), ofHead)));
        const target = f.i32(i32.add(out, i32.add(i32.mul(query, outBytes), ofHead)));
        const masks = f.i32(i32.select(mask, i32.add(mask, i32.shl(from, 2)), 0));
        const isShort = i32.leU(rows, fewRows);
        const packedProduct = (c: readonly Int[], a: readonly Int[], b: readonly Int[], sizes: readonly Int[]) =>
          f.call(parts.gemm, ...c, ...a, 4, b[0], panel, b[1], 0, module.zeros, 0, 0, ...sizes);
        f.if(
          isShort,
          () => f.call(fewScores, scores, stride, queries, rowBytes, outBytes, rows, depth),
          () => {
            const b = [key, i32.mul(keyBytes, width)];
            packedProduct([scores, stride], [queries, rowBytes], b, [taken, columns, depth]);
          },
        );
        f.if(
          mask,
          () => f.call(parts.maskedSoftmaxRows, scores, scores, stride, taken, rows, scale, masks, 0),
          () => f.call(parts.softmaxRows, scores, scores, stride, taken, rows, scale),
        );
        f.if(
          isShort,
          () => {
            const values = i32.add(queries, i32.shl(outBytes, 1));
            f.call(fewMixes, target, outBytes, scores, stride, values, rowBytes, rows, depth);
          },
          () =>
            packedProduct([target, outBytes], [scores, stride], [value, i32.mul(rows, panel)], [taken, depth, rows]),
        );
        f.if(partials, () => {
          const nth = i32.add(i32.mul(head, blocks), block);
          const sums = f.i32(i32.add(i32.add(partials, i32.mul(nth, partialBytes)), i32.shl(from, 2)));
          f.fill(sums, 0, i32.shl(rows, 2));
          const weights = i32.select(mask, i32.add(masks, i32.shl(first, 2)), 0);
          f.call(parts.addRows, sums, scores, stride, taken, rows, weights);
        });
      });
      f.advance(chunk, 1);
    });
  });

  /** Chunk t: the text's importance from its partial sums, heads and blocks in increasing order. */
  const summing = ["importance", "partials", "partialBytes", "starts", "mask", "heads", "blocks"] as const;
  module.task(
    "sumImportance",
    summing,
    (f, importance, partials, partialBytes, starts, mask, heads, blocks, t, last) => {
      f.while(i32.ltU(t, last), () => {
        const [from, rows] = rowsOfText(f, starts, t);
        const shift = f.i32(i32.shl(from, 2));
        const to = f.i32(i32.add(importance, shift));
        const filled = f.i32(i32.divU(i32.add(rows, queriesOfBlock - 1), queriesOfBlock));
        const head = f.i32();
        const block = f.i32();
        f.fill(to, 0, i32.shl(rows, 2));
        f.for(head, 0, heads, 1, () =>
          f.for(block, 0, filled, 1, () => {
            const nth = i32.add(i32.mul(head, blocks), block);
            const part = f.i32(i32.add(i32.add(partials, shift), i32.mul(nth, partialBytes)));
            mapRow(f, module, to, rows, [to, part], ([sum, value]) => f32x4.add(sum, value));
          }),
        );
        const live = f.f32(f32.convertI32U(rows));
        f.if(mask, () => {
          const weights = f.i32(i32.add(mask, shift));
          f.set(
            live,
            sumRow(f, module, rows, [weights], ([weight]) => weight),
          );
        });
        const factor = f.v128(v128.zero);
        f.if(f32.ne(live, 0), () => f.set(factor, f32x4.splat(f32.div(1, f32.mul(live, f32.convertI32U(heads))))));
        mapRow(f, module, to, rows, [to], ([sum]) => f32x4.mul(sum, factor));
        f.advance(t, 1);
      });
    },
  );
}

/** The greatest number of rows of a text. */
export function longestText(starts: ArrayLike<number>, texts: number): number {
  let longest = 0;
  for (let t = 0; t < texts; t++) longest = Math.max(longest, starts[t + 1] - starts[t]);
  return longest;
}

export const attention =
  (machine: Machine) =>
  ({ out, qkv, starts, mask, importance, n, d, h, texts }: AttentionArgs<WasmHandle>): void => {
    const longest = longestText(starts.data, texts);
    if (longest === 0) return;
    const width = d / h;
    const blocks = Math.ceil(longest / queriesOfBlock);
    const sizes = packedSizes({ n, texts, h, width }, machine.panelWidth);
    // A workspace has a part for each thread: scores; the rest of it is everybody's.
    const scoreBytes = 4 * roundUp(longest, 16) * Math.min(longest, queriesOfBlock);
    const partialBytes = roundUp(4 * n, 64);
    const shared = sizes.keys + sizes.values + (importance ? h * blocks * partialBytes : 0);
    const scores = machine.workspace(roundUp(scoreBytes + shared / machine.threads, 64));
    const keys = scores + machine.threads * scoreBytes;
    const values = keys + sizes.keys;
    const partials = importance ? values + sizes.values : 0;

    const masks = addressOf(mask);
    const { keyBytes, valueBytes } = sizes;
    const heads = [qkv.address, starts.address, masks, 12 * d, 4 * width, keys, keyBytes, values, valueBytes, h];
    if (longest > fewRows) machine.run("packHeads", heads, texts * h);
    const scale = floatBits(1 / Math.sqrt(width));
    const attending = [...heads, out.address, scores, scoreBytes, partials, partialBytes, blocks, scale];
    machine.run("attendBlocks", attending, texts * h * blocks);
    if (!importance) return;
    const sums = [importance.address, partials, partialBytes, starts.address, masks, h, blocks];
    machine.run("sumImportance", sums, texts);
  };
