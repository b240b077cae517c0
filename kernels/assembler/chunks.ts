/**
 * Element-wise functions as tasks whose chunks any thread may take: runs of values of flat buffers, or runs of rows. What is small stays
 * one chunk, which the caller does alone. Where a chunk ends changes no result, as every value or row is computed by itself.
 */
import type { FunctionRef, Local } from "./function.ts";
import type { Machine } from "./machine.ts";
import type { ModuleBuilder } from "./module.ts";
import { i32 } from "./values.ts";

/** Values worth sharing out: some microseconds of work. */
const valuesOfChunk = 8192;

/** The exported names of a function and of the task that shares it out. */
export interface Chunked {
  readonly whole: string;
  readonly task: string;
}

/** A task of a function whose parameters are addresses of flat buffers and, at the end, their length. `runFlat` runs it. */
export function defineFlatTask(module: ModuleBuilder, { task }: Chunked, whole: FunctionRef): void {
  module.task(task, whole.parameters, (f, ...parameters) => {
    const buffers = parameters.slice(0, -3);
    const [count, first, last] = parameters.slice(-3);
    const start = f.i32(i32.mul(first, valuesOfChunk));
    const end = f.i32(i32.minU(f.i32(i32.mul(last, valuesOfChunk)), count));
    for (const buffer of buffers) f.advance(buffer, i32.shl(start, 2));
    f.call(whole, ...buffers, i32.sub(end, start));
  });
}

export function runFlat(machine: Machine, chunked: Chunked, addresses: readonly number[], length: number): void {
  const chunks = Math.ceil(length / valuesOfChunk);
  if (machine.threads === 1 || chunks <= 1) machine.call[chunked.whole](...addresses, length);
  else machine.run(chunked.task, [...addresses, length], chunks);
}

/**
 * A task of a function over `rows` rows of `count` values: its parameters of those names. Of the others, `byRow` walk a row of values
 * a row, `byWord` 4 bytes a row. `runRows` runs it.
 */
export function defineRowTask(
  module: ModuleBuilder,
  { task }: Chunked,
  whole: FunctionRef,
  byRow: readonly string[],
  byWord: readonly string[] = [],
): void {
  module.task(task, [...whole.parameters, "rowsOfChunk"], (f, ...parameters) => {
    const named = new Map<string, Local<"i32">>(whole.parameters.map((parameter, i) => [parameter, parameters[i]]));
    const the = (parameter: string): Local<"i32"> => {
      const local = named.get(parameter);
      if (local === undefined) throw new RangeError(`${task} has no parameter ${parameter}`);
      return local;
    };
    const [rowsOfChunk, first, last] = parameters.slice(-3);
    const [rows, count] = [the("rows"), the("count")];
    const start = f.i32(i32.mul(first, rowsOfChunk));
    const end = f.i32(i32.minU(f.i32(i32.mul(last, rowsOfChunk)), rows));
    for (const parameter of byRow) f.advance(the(parameter), i32.mul(start, i32.shl(count, 2)));
    for (const parameter of byWord) f.advance(the(parameter), i32.shl(start, 2));
    f.setInt(rows, i32.sub(end, start));
    f.call(whole, ...parameters.slice(0, -3));
  });
}

/** `args` are those of the function; `n` rows of `d` values. */
export function runRows(machine: Machine, chunked: Chunked, args: readonly number[], n: number, d: number): void {
  const rowsOfChunk = Math.max(1, Math.floor(valuesOfChunk / Math.max(d, 1)));
  if (machine.threads === 1 || n <= rowsOfChunk) machine.call[chunked.whole](...args);
  else machine.run(chunked.task, [...args, rowsOfChunk], Math.ceil(n / rowsOfChunk));
}
