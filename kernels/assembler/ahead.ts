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
import type { FunctionBuilder, Local } from "./function.ts";
import { type Int, i32 } from "./values.ts";

const lineBytes = 64;
const pageBytes = 4096;
const streams = 4;
const windowBytes = streams * pageBytes;

/** Lines that a tile asks for at a time, while it multiplies as many; and their bytes. */
const linesAtOnce = 8;
const bytesAtOnce = linesAtOnce * lineBytes;
/** Bytes behind the end of a packed matrix that may be read, and a line more: what lies there comes along. */
export const bytesBehind = 2 * windowBytes;

/** Asks for one of the lines 0 … 7 that stand for those which a tile is about to multiply. */
type Ask = (line: number) => void;

/** For lines from `b` on. If not `isWanted`, it asks for one that is there. */
export function linesAhead(f: FunctionBuilder, b: Int, isWanted: Int): Ask {
  const next = i32.add(i32.and(b, -windowBytes), windowBytes);
  const place = i32.shrU(i32.and(b, windowBytes - 1), Math.log2(streams));
  const ahead = f.i32(i32.select(isWanted, i32.add(next, place), b));
  return (line) => f.drop(i32.load8U(ahead, (line % streams) * pageBytes + lineBytes * Math.floor(line / streams)));
}

export interface Along {
  /** Steps of k; used up afterwards. */
  readonly depth: Local<"i32">;
  /** Steps that one turn takes, as long as there are as many. */
  readonly unroll: number;
  /** Bytes of a panel that a step passes. */
  readonly stepBytes: number;
}

/**
 * `turn(times, ask)` until `depth` is used up: by `unroll` steps at a time, then one by one. Lines are asked for as `ahead`, if given, says whenever
 * as many are about to pass: step by step if one turn passes them, else before the turns.
 */
export function alongPanel(
  f: FunctionBuilder,
  { depth, unroll, stepBytes }: Along,
  ahead: (() => Ask) | undefined,
  turn: (times: number, ask: Ask) => void,
): void {
  const turns = (left: Local<"i32">, times: number, before: () => Ask = () => () => undefined) =>
    f.while(times > 1 ? i32.geU(left, times) : left, () => {
      turn(times, before());
      f.setInt(left, i32.sub(left, times));
    });
  const steps = bytesAtOnce / stepBytes;
  if (ahead === undefined || unroll === steps) {
    if (unroll > 1) turns(depth, unroll, ahead);
  } else {
    const left = f.i32();
    f.while(i32.geU(depth, steps), () => {
      const ask = ahead();
      for (let line = 0; line < linesAtOnce; line++) ask(line);
      f.setInt(left, steps);
      turns(left, unroll);
      f.setInt(depth, i32.sub(depth, steps));
    });
  }
  turns(depth, 1);
}
