/**
 * The product of a linear layer as one task: activation and residual are applied to outputs that are still in cache, and its grid of
 * row and column ranges is what threads share. The arithmetic is assembler/gemm.ts; how many chunks are worth it is decided here.
 */
import type { Copies } from "../assembler/copy.ts";
import type { FunctionRef } from "../assembler/function.ts";
import { defineGemm, finishParameters } from "../assembler/gemm.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { type Expr, type Int, i32 } from "../assembler/values.ts";
import type { Variant } from "../assembler/variant.ts";
import type { Activation, MatmulSizes } from "./contract.ts";

/** What an activation is called in WebAssembly; 0 is none. */
export const activationCode: Readonly<Record<Activation, number>> = { gelu: 1, tanh: 2 };

export const productParameters = [
  ...["out", "a", "weights", "bias", "biasStride", "residual", "activation"],
  ...["n", "k", "m", "rowsPerChunk", "columnsPerChunk"],
] as const;

/**
 * Defines gemm and the task product(…productParameters): the contract's matmul, in bytes and values. `biasStride` is 4, or 0 for zeros at
 * `bias`; `residual` is 0 for none; `columnsPerChunk` is a multiple of the panel's width. The functions gelu, tanh and add come first.
 */
export function defineProduct(module: ModuleBuilder, variant: Variant, width: number, copies: Copies): void {
  const { finished } = defineGemm(module, variant, copies, defineFinish(module));
  module.task("product", productParameters, (f, out, a, weights, bias, biasStride, residual, activation, ...rest) => {
    const [n, k, m, rowsPerChunk, columnsPerChunk, first, last] = rest;
    const down = f.i32(quotientUp(n, rowsPerChunk));
    const [chunk, row, column] = [f.i32(), f.i32(), f.i32()];
    const stride = i32.shl(m, 2);
    const offset = i32.add(i32.mul(row, stride), i32.shl(column, 2));
    // Neighbouring chunks have the same columns: threads at work on them share the weights that one of them fetches.
    f.for(chunk, first, last, 1, () => {
      f.setInt(row, i32.mul(i32.remU(chunk, down), rowsPerChunk));
      f.setInt(column, i32.mul(i32.divU(chunk, down), columnsPerChunk));
      f.call(
        finished,
        ...[i32.add(out, offset), stride],
        ...[i32.add(a, i32.mul(row, i32.shl(k, 2))), i32.shl(k, 2), 4],
        ...[i32.add(weights, i32.mul(column, i32.shl(k, 2))), 4 * width, i32.mul(k, 4 * width)],
        ...[i32.add(bias, i32.mul(column, biasStride)), 0, biasStride],
        i32.minU(i32.sub(n, row), rowsPerChunk),
        i32.minU(i32.sub(m, column), columnsPerChunk),
        k,
        i32.select(residual, i32.add(residual, offset), 0),
        activation,
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

/** Multiply-adds that a chunk should have at least: some 40 µs, which a thread's start and end are small against. */
const chunkMacs = 2 ** 21;
/** Rows that few rows cost as much as: they wait for the weights. */
const rowsOfWaiting = 4;
/** Columns are shared out in multiples of this, which every panel divides. */
const columnUnit = 64;
/** Rows of a chunk, from which on more chunks split rows too: fewer would not repay reading the weights again. */
const rowsPerSplit = 64;
/** Chunks a thread gets, so that a slow one holds nobody up. */
const chunksPerThread = 4;

export interface Grid {
  readonly rowsPerChunk: number;
  readonly columnsPerChunk: number;
  readonly chunks: number;
}

/** How a product is shared out: one chunk on one thread or for little work; columns first, rows too where there are many. */
export function gridOf({ n, k, m }: MatmulSizes, threads: number): Grid {
  const affordable = Math.floor((Math.max(n, rowsOfWaiting) * k * m) / chunkMacs);
  const wanted = Math.min(affordable, threads * chunksPerThread);
  if (threads === 1 || wanted < 2) return { rowsPerChunk: n, columnsPerChunk: roundUp(m, columnUnit), chunks: 1 };
  const even = wanted > threads ? wanted - (wanted % threads) : wanted;
  let down = Math.min(Math.max(1, Math.floor(n / rowsPerSplit)), even);
  while (even % down !== 0) down--;
  const rowsPerChunk = Math.ceil(n / down);
  const columnsPerChunk = roundUp(Math.ceil((m * down) / even), columnUnit);
  return { rowsPerChunk, columnsPerChunk, chunks: Math.ceil(n / rowsPerChunk) * Math.ceil(m / columnsPerChunk) };
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
const quotientUp = (value: Expr<"i32">, by: Int): Expr<"i32"> => i32.divU(i32.sub(i32.add(value, by), 1), by);
