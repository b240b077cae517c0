/**
 * How a batch is taken apart: for kernels whose result for a row (or a text) depends on nothing else, the same case for
 * one row, for a run of rows and for the rows in another order, with the place of each result in the batch's.
 */
import { contractOf } from "../../kernels/check.ts";
import type { TrainingKernelName } from "../../kernels/index.ts";
import type { Case, Sizes, Values } from "./cases.ts";
import type { Outputs } from "./run.ts";

/** The size that counts independent rows; texts for attention. */
export const splits: Partial<Record<TrainingKernelName, "n" | "length" | "texts">> = {
  matmul: "n",
  matmulInt8: "n",
  attention: "texts",
  softmax: "n",
  layerNorm: "n",
  gelu: "length",
  tanh: "length",
  embed: "n",
  gather: "n",
  add: "length",
  blend: "n",
  matmulInputGradient: "n",
  attentionGradient: "texts",
  softmaxGradient: "n",
  geluGradient: "length",
  tanhGradient: "length",
  accumulate: "length",
  blendGradient: "n",
  keepMask: "texts",
  keepMaskGradient: "texts",
  thresholdMask: "texts",
  crossEntropy: "n",
  crossEntropyGradient: "n",
  distillation: "n",
  distillationGradient: "n",
};

export interface Piece {
  readonly what: string;
  readonly part: Case;
  /** What the batch has for this part of output `key`. */
  readonly slice: (whole: Outputs, key: string) => Float32Array;
}

export function pieces(given: Case): Piece[] {
  const split = splits[given.name];
  if (split === "texts") return textPieces(given);
  if (split === undefined || given.sizes[split] === 0) return [];
  const count = given.sizes[split];
  const all = Array.from({ length: count }, (_, i) => i);
  const chosen = [[0], [count - 1], [count >> 1], all.slice(1), all.slice(0, (count >> 1) + 1), [...all].reverse()];
  return chosen.filter((rows) => rows.length > 0).map((rows) => rowPiece(given, split, rows));
}

function rowPiece(given: Case, split: "n" | "length", rows: readonly number[]): Piece {
  const sizes = { ...given.sizes, [split]: rows.length };
  const widthOf = (key: string): number | undefined => rowWidth(given, key, split);
  const operands = Object.fromEntries(
    Object.entries(given.operands).map(([key, values]) => {
      const width = widthOf(key);
      return [key, width === undefined ? values : pickRows(values, rows, width)];
    }),
  );
  return {
    what: `rows ${rows.slice(0, 4)}${rows.length > 4 ? "…" : ""}`,
    part: { ...given, sizes, operands },
    slice: (whole, key) => pickRows(whole[key], rows, widthOf(key) ?? 0) as Float32Array,
  };
}

function textPieces(given: Case): Piece[] {
  const starts = given.operands.starts;
  return Array.from({ length: given.sizes.texts }, (_, t) => {
    const rows = Array.from({ length: starts[t + 1] - starts[t] }, (_, i) => starts[t] + i);
    const piece = rowPiece(given, "n", rows);
    const sizes = { ...given.sizes, n: rows.length, texts: 1, pairs: rows.length ** 2 };
    const operands = { ...piece.part.operands, starts: Int32Array.of(0, rows.length) };
    return { ...piece, what: `text ${t}`, part: { ...given, sizes, operands } };
  });
}

/** Values per row of an operand, or undefined if it has no rows: found by asking the contract for one row more. */
function rowWidth(given: Case, key: string, split: "n" | "length"): number | undefined {
  const size = (sizes: Sizes): number =>
    contractOf(given.name)
      .operands[key].shape(sizes as never)
      .reduce((total, side) => total * side, 1);
  const more = { ...given.sizes, [split]: given.sizes[split] + 1 };
  const shape = contractOf(given.name).operands[key].shape;
  const grows = shape(more as never).join() !== shape(given.sizes as never).join();
  return grows ? size(more) - size(given.sizes) : undefined;
}

function pickRows(values: Values, rows: readonly number[], width: number): Values {
  const picked =
    values instanceof Int32Array ? new Int32Array(rows.length * width) : new Float32Array(rows.length * width);
  for (const [to, row] of rows.entries()) picked.set(values.subarray(row * width, (row + 1) * width), to * width);
  return picked;
}
