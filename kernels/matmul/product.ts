/**
 * The product of a linear layer as one task: activation and residual are applied to outputs that are still in cache, and its grid of
 * row and column ranges is what threads share. The arithmetic is assembler/gemm.ts; how many chunks are worth it is decided here.
 */
import { rowsInPlace } from "../assembler/block.ts";
import type { Copies } from "../assembler/copy.ts";
import { takesAllOfK } from "../assembler/far.ts";
import type { FunctionRef } from "../assembler/function.ts";
import { blockRows, defineGemm, finishParameters } from "../assembler/gemm.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { i32, quotientUp } from "../assembler/values.ts";
import type { Variant } from "../assembler/variant.ts";
import type { Activation, MatmulSizes } from "./contract.ts";

/** What an activation is called in WebAssembly; 0 is none. */
export const activationCode: Readonly<Record<Activation, number>> = { gelu: 1, tanh: 2 };

export const productParameters = [
  ...["out", "a", "weights", "bias", "biasStride", "residual", "activation"],
  ...["n", "k", "m", "panelBytes", "blockBytes", "arranged", "arrangedBlock", "arrangedRows"],
  ...["rowsPerChunk", "columnsPerChunk"],
] as const;

export const arrangeParameters = ["to", "a", "n", "k", "depth", "blocks", "blockBytes", "rowsPerChunk"] as const;

/**
 * Defines gemm and the task product(…productParameters): the contract's matmul, in bytes and values. `biasStride` is 4, or 0 for zeros at
 * `bias`; `residual` is 0 for none; `panelBytes` and `blockBytes` are packedLayout's; `arranged`, if not 0, is where
 * `arrange` put A: a block of k every `arrangedBlock` bytes, the rows of a chunk every `arrangedRows`; `columnsPerChunk` is a multiple of the panel's width. The functions gelu, tanh and add come first.
 */
export function defineProduct(module: ModuleBuilder, variant: Variant, width: number, copies: Copies): void {
  const { finished, arrangeRows } = defineGemm(module, variant, copies, defineFinish(module));
  module.task("product", productParameters, (f, out, a, weights, bias, biasStride, residual, activation, ...rest) => {
    const [n, k, m, panelBytes, blockBytes, arranged, arrangedBlock, arrangedRows, ...chunks] = rest;
    const [rowsPerChunk, columnsPerChunk, first, last] = chunks;
    const across = f.i32(quotientUp(m, columnsPerChunk));
    const [row, column, taken] = [f.i32(), f.i32(), f.i32()];
    const stride = i32.shl(m, 2);
    const offset = i32.add(i32.mul(row, stride), i32.shl(column, 2));
    // Chunks of the same rows are one product: their part of A is copied once.
    f.while(i32.ltU(first, last), () => {
      f.setInt(row, i32.mul(i32.divU(first, across), rowsPerChunk));
      f.setInt(column, i32.remU(first, across));
      f.setInt(taken, i32.minU(i32.sub(last, first), i32.sub(across, column)));
      f.setInt(column, i32.mul(column, columnsPerChunk));
      f.call(
        finished,
        ...[i32.add(out, offset), stride],
        ...[i32.add(a, i32.mul(row, i32.shl(k, 2))), i32.shl(k, 2), 4],
        ...[i32.add(weights, i32.mul(i32.divU(column, width), panelBytes)), 4 * width, panelBytes, blockBytes],
        ...[i32.add(bias, i32.mul(column, biasStride)), 0, biasStride],
        i32.minU(i32.sub(n, row), rowsPerChunk),
        i32.minU(i32.sub(m, column), i32.mul(taken, columnsPerChunk)),
        k,
        i32.select(residual, i32.add(residual, offset), 0),
        activation,
        ...[i32.add(arranged, i32.mul(i32.divU(row, rowsPerChunk), arrangedRows)), arrangedBlock],
      );
      f.advance(first, taken);
    });
  });
  defineArrange(module, arrangeRows);
}

/**
 * The task arrange(…arrangeParameters): A as `product` reads it, once for all threads. Chunk r·blocks + p is the r-th `rowsPerChunk` rows of the
 * p-th `depth` steps; each takes `blockBytes` bytes.
 */
function defineArrange(module: ModuleBuilder, arrangeRows: FunctionRef): void {
  module.task("arrange", arrangeParameters, (f, to, a, n, k, depth, blocks, blockBytes, rowsPerChunk, chunk, last) => {
    const [row, step] = [f.i32(), f.i32()];
    f.for(chunk, chunk, last, 1, () => {
      f.setInt(row, i32.mul(i32.divU(chunk, blocks), rowsPerChunk));
      f.setInt(step, i32.mul(i32.remU(chunk, blocks), depth));
      f.call(
        arrangeRows,
        i32.add(to, i32.mul(chunk, blockBytes)),
        i32.add(a, i32.shl(i32.add(i32.mul(row, k), step), 2)),
        ...[i32.shl(k, 2), 4],
        i32.minU(f.i32(i32.sub(n, row)), rowsPerChunk),
        i32.minU(f.i32(i32.sub(k, step)), depth),
        depth,
      );
    });
  });
}

/** finish(…finishParameters) for gemm: the activation of that code, then the residual. */
function defineFinish(module: ModuleBuilder): FunctionRef {
  const functions = { gelu: module.named("gelu"), tanh: module.named("tanh") };
  const add = module.named("add");
  return module.function(undefined, finishParameters, (f, c, extra, rowStride, rows, columns, kind) => {
    f.while(rows, () => {
      for (const [name, code] of Object.entries(activationCode))
        f.if(i32.eq(kind, code), () => f.call(functions[name as Activation], c, c, columns));
      f.if(extra, () => {
        f.call(add, c, c, extra, columns);
        f.advance(extra, rowStride);
      });
      f.advance(c, rowStride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

/** Multiply-adds from which on a product is shared: some 80 µs, which a thread's start and end are small against. */
const worthSharing = 2 ** 22;
/** Multiply-adds that a chunk should have at least. */
const chunkMacs = 2 ** 19;
/** Rows that few rows cost as much as: they wait for the weights. */
const rowsOfWaiting = 4;
/** Columns are shared out in multiples of this, which every panel divides. */
const columnUnit = 32;
/** Rows of a chunk at least, where rows are split too: fewer would not repay reading the weights again. */
const rowsPerSplit = 64;
/** Chunks a thread gets, if columns alone give fewer and there are rows to split. */
const chunksPerThread = 12;

export interface Grid {
  readonly rowsPerChunk: number;
  readonly columnsPerChunk: number;
  readonly chunks: number;
  /** Whether A is worth arranging beforehand, if k comes in blocks. */
  readonly arranges: boolean;
}

/** How a product is shared out: one chunk for little work; few columns a chunk, and some of the rows where there are many. On one thread only rows are parted. */
export function gridOf({ n, k, m }: MatmulSizes, threads: number): Grid {
  const rows = Math.max(n, rowsOfWaiting);
  if (threads === 1 || rows * k * m < worthSharing) {
    // Where C is the wider matrix it is what should not come and go with every block of k.
    const arranges = m > k && takesAllOfK(n, k);
    const rowsPerChunk = arranges ? Math.ceil(n / Math.ceil(n / blockRows)) : n;
    return { rowsPerChunk, columnsPerChunk: roundUp(m, columnUnit), chunks: Math.ceil(n / rowsPerChunk), arranges };
  }
  const columnsPerChunk = roundUp(Math.ceil(chunkMacs / (rows * k)), columnUnit);
  const across = Math.ceil(m / columnsPerChunk);
  const wanted = Math.min(Math.ceil((chunksPerThread * threads) / across), Math.max(1, Math.floor(n / rowsPerSplit)));
  const parts = Math.max(wanted, Math.ceil(n / blockRows));
  const rowsPerChunk = Math.ceil(n / parts);
  // Threads come back for more columns of the same rows many times.
  return { rowsPerChunk, columnsPerChunk, chunks: Math.ceil(n / rowsPerChunk) * across, arranges: n > rowsInPlace };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
