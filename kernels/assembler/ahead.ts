/**
 * Reading packed weights ahead, as several streams.
 *
 * A prefetcher follows a stream some twenty lines ahead, and not into the next page. At the pace of a tile that is a shorter while than the third
 * cache takes to answer, and every page begins with looking up where it lies and a whole wait. So while a tile multiplies lines of one window of
 * four pages, loads whose values are dropped ask for lines of the next window, a page after the other in turn: four streams at a quarter of the
 * pace, each with a prefetcher of its own, whose first waits are one. Where weights are near anyway this costs nothing.
 *
 * Which line is next is a matter of addresses alone: window after window, line 4i + j of one stands for line i of page j of the next. So nothing
 * needs to know where a panel or a matrix ends, and the last window of one brings the first of whatever lies behind it.
 */
import type { FunctionBuilder } from "./function.ts";
import { type Int, i32 } from "./values.ts";

const lineBytes = 64;
const pageBytes = 4096;
const streams = 4;
const windowBytes = streams * pageBytes;

/** Lines that a tile asks for at a time, while it multiplies as many. */
export const linesAtOnce = 8;
/** Bytes of a panel that these are. */
export const bytesAtOnce = linesAtOnce * lineBytes;
/** Bytes behind the end of a packed matrix that may be read, and a line more: what lies there comes along. */
export const bytesBehind = 2 * windowBytes;

/** Asks for line number 0 … linesAtOnce − 1 of those that stand for the lines from `b` on; if not `isWanted`, for one that is there. */
export function linesAhead(f: FunctionBuilder, b: Int, isWanted: Int): (line: number) => void {
  const next = i32.add(i32.and(b, -windowBytes), windowBytes);
  const place = i32.shrU(i32.and(b, windowBytes - 1), Math.log2(streams));
  const ahead = f.i32(i32.select(isWanted, i32.add(next, place), b));
  return (line) => f.drop(i32.load8U(ahead, (line % streams) * pageBytes + lineBytes * Math.floor(line / streams)));
}
