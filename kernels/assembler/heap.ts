/**
 * Buffers in one WebAssembly memory: bump allocation, and a list of freed blocks for each size class.
 * Sizes are rounded up to eight classes an octave, so that buffers of nearly equal length reuse each other's room (at most an
 * eighth is lost). It hands out addresses only; it never moves or joins blocks.
 */

import { TaperError } from "../../engine/errors.ts";
import { bytesBehind } from "./ahead.ts";

const pageBytes = 65536;
/** What may be read past the end of any buffer: a tile of B or of a bias, and what a tile reads ahead. */
const slackBytes = 1024 + bytesBehind;

export interface Heap {
  /** The address, a multiple of 64, of at least `bytes` bytes; not cleared. Throws ERR_BACKEND when memory is full. */
  take(bytes: number): number;
  /** The same, cleared. Memory that nobody has had yet is zero as it comes, and is not touched: that is what costs time. */
  takeZeroed(bytes: number): number;
  /** Grows memory once for blocks of these sizes to be taken from its end. Throws as `take`. */
  reserve(sizes: readonly number[]): void;
  give(address: number, bytes: number): void;
}

export function heapIn(memory: WebAssembly.Memory, firstAddress: number): Heap {
  let end = sizeClass(firstAddress);
  const free = new Map<number, number[]>();
  const takeFresh = (size: number): number => {
    growTo(memory, end + size + slackBytes, size);
    const address = end;
    end += size;
    return address;
  };
  return {
    take(bytes) {
      const size = sizeClass(bytes);
      return free.get(size)?.pop() ?? takeFresh(size);
    },
    takeZeroed(bytes) {
      const size = sizeClass(bytes);
      const known = free.get(size)?.pop();
      if (known === undefined) return takeFresh(size);
      new Uint8Array(memory.buffer, known, bytes).fill(0);
      return known;
    },
    reserve(sizes) {
      const total = sizes.reduce((sum, bytes) => sum + sizeClass(bytes), 0);
      growTo(memory, end + total + slackBytes, total);
    },
    give(address, bytes) {
      const size = sizeClass(bytes);
      const addresses = free.get(size);
      if (addresses) addresses.push(address);
      else free.set(size, [address]);
    },
  };
}

function sizeClass(bytes: number): number {
  const octave = 2 ** Math.floor(Math.log2(Math.max(bytes, 512)));
  const step = Math.max(octave / 8, 64);
  return Math.ceil(Math.max(bytes, 64) / step) * step;
}

function growTo(memory: WebAssembly.Memory, bytes: number, wanted: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return;
  // A quarter more than asked for: growing detaches every view.
  const generous = Math.max(missing, memory.buffer.byteLength / 4);
  for (const extra of [generous, missing]) {
    try {
      memory.grow(Math.ceil(extra / pageBytes));
      return;
    } catch {
      // The smaller wish may still be granted; the error below speaks for both.
    }
  }
  const held = Math.round(memory.buffer.byteLength / 2 ** 20);
  throw new TaperError(
    "ERR_BACKEND",
    `wasm memory: a buffer of ${wanted} bytes does not fit beside the ${held} MiB in use; use smaller batches or release handles`,
  );
}
