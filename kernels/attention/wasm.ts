/**
 * Ragged attention in WebAssembly SIMD: per text and head, keys are packed once, then blocks of queries go through
 * scores, whole-row softmax and mix while their scores stay in cache.
 * Products and softmax are the functions of gemm.ts and softmax/wasm.ts; this file only orders them. Every query's result
 * depends on its text alone.
 */
import { addressOf, floatBits, type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import type { AttentionArgs } from "./contract.ts";

/** Queries whose scores are held at a time. */
export const queriesAtOnce = 60;

export interface Head {
  /** Address of the head's first query, key and value of this text. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
}

/** The head's part of rows [from, …) of qkv; also of dQkv, which has the same shape. */
export function headOf(qkv: WasmHandle, from: number, head: number, d: number, width: number): Head {
  const query = qkv.address + 4 * (from * 3 * d + head * width);
  return { query, key: query + 4 * d, value: query + 8 * d };
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
    const { call, panelWidth, zeros } = machine;
    const width = d / h;
    const longest = longestText(starts.data, texts);
    const stride = 4 * roundUp(longest, 4);
    const packedBytes = 4 * width * roundUp(longest, panelWidth);
    const keys = machine.workspace(packedBytes + 4 * width * roundUp(longest, 16) + stride * queriesAtOnce);
    const liveValues = keys + packedBytes;
    const scores = liveValues + 4 * width * roundUp(longest, 16);
    const scale = floatBits(1 / Math.sqrt(width));
    const bounds = starts.data; // after the workspace, which may have moved every view
    const panel = 4 * panelWidth;
    if (importance) call.clear(importance.address, 4 * n);

    for (let t = 0; t < texts; t++) {
      const from = bounds[t];
      const rows = bounds[t + 1] - from;
      if (rows === 0) continue;
      const masks = mask ? mask.address + 4 * from : 0;
      for (let head = 0; head < h; head++) {
        const { query, key, value } = headOf(qkv, from, head, d, width);
        call.packTransposed(keys, key, 12 * d, width, rows);
        // A masked row's value is multiplied by 0; zeros in its place keep a NaN there from mattering.
        if (mask) call.liveRows(liveValues, 4 * width, value, 12 * d, rows, width, masks);
        const values = mask ? [liveValues, 4 * width] : [value, 12 * d];
        for (let first = 0; first < rows; first += queriesAtOnce) {
          const taken = Math.min(queriesAtOnce, rows - first);
          const to = out.address + 4 * ((from + first) * d + head * width);
          const packed = [keys, panel, panel * width];
          call.gemm(scores, stride, query + 12 * d * first, 12 * d, 4, ...packed, zeros, 0, 0, taken, rows, width);
          if (mask) call.maskedSoftmaxRows(scores, scores, stride, taken, rows, scale, masks, 0);
          else call.softmaxRows(scores, scores, stride, taken, rows, scale);
          call.gemm(to, 4 * d, scores, stride, 4, ...values, panel, zeros, 0, 0, taken, width, rows);
          if (importance) {
            const weights = mask ? masks + 4 * first : addressOf(mask);
            call.addRows(importance.address + 4 * from, scores, stride, taken, rows, weights);
          }
        }
      }
      if (importance) {
        const live = mask ? sum(mask.data.subarray(from, from + rows)) : rows;
        call.scaleRow(importance.address + 4 * from, rows, floatBits(live === 0 ? 0 : 1 / (h * live)));
      }
    }
  };

export function sum(values: Float32Array | Int32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
