/**
 * What the wasm forms of the kernels see of the machine they run on: handles that own addresses, calls, a workspace.
 * It fixes no layout and no policy; kernels/backends/wasm.ts builds one.
 */

import type { ScalarHandle } from "../scalar-handle.ts";
import { floatBits } from "./encoding.ts";
import type { Variant } from "./variant.ts";

/** A buffer in WebAssembly memory. Its end is padded, so that a whole vector may be read at its last value. */
export interface WasmHandle extends ScalarHandle {
  /** In bytes; a multiple of 64. */
  readonly address: number;
  /** What the buffer takes; 4 for each value, less for 8-bit weights. */
  readonly bytes: number;
}

export interface Machine {
  /** The module's functions; every argument is an i32 (addresses, byte strides, counts, the bits of a float). */
  readonly call: Readonly<Record<string, (...args: number[]) => void>>;
  readonly variant: Variant;
  /** Columns of a panel of packed weights. */
  readonly panelWidth: number;
  /** Whether 8-bit products run in their fused form (matmul-int8/fused-dot.ts). */
  readonly fusesDot: boolean;
  /** An address with at least 256 bytes of zeros. */
  readonly zeros: number;
  /** Threads that share the chunks of a task. */
  readonly threads: number;
  /**
   * Calls a task (`ModuleBuilder.task`) for all of its chunks 0 … chunks − 1, on whichever threads are free, after everything that ran or
   * was called before. It may return before they are done; `call` and `floats` wait for that.
   * `args` are its parameters without the last two.
   */
  run(task: string, args: readonly number[], chunks: number): void;
  /**
   * The address of `threads` times `bytes` bytes (a multiple of 64) that are the caller's until its operation ends; asking again may
   * move them. A thread's own part starts at `address + module.thread · bytes`.
   */
  workspace(bytes: number): number;
  /** The values at an address, until memory grows. */
  floats(address: number, length: number): Float32Array;
}

/** The address of an optional operand; 0 stands for none. */
export const addressOf = (handle: WasmHandle | undefined): number => handle?.address ?? 0;

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

export { floatBits };
