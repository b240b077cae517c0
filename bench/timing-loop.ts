/**
 * A fixed piece of arithmetic that has nothing to do with models, timed beside them: it says how fast and how steady the machine was, and
 * lets two reports from two hours be compared. It is a yardstick of one core's scalar arithmetic, not of memory.
 */
import { median, quantile } from "./statistics.ts";

const steps = 400_000;

/** Milliseconds of one loop: a chain of integer operations (xorshift) that no compiler shortens. */
export function timingLoop(clock: () => number = () => performance.now()): number {
  const start = clock();
  let x = 0x9e3779b9;
  for (let i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  const ms = clock() - start;
  // The result is used, so that the loop is not dead code. Xorshift never reaches 0.
  return x === 0 ? Number.NaN : ms;
}

/** Collects loops between the queries of a run. */
export class Yardstick {
  private readonly samples: number[] = [];

  constructor() {
    // Untimed: until the compiler has settled.
    for (let i = 0; i < 20; i++) timingLoop();
    this.measure();
  }

  measure(): void {
    for (let i = 0; i < 3; i++) this.samples.push(timingLoop());
  }

  /** `spread` is p90 ÷ median − 1: large on a machine that was busy with something else. */
  get figures(): TimingLoop {
    const { samples } = this;
    const middle = median(samples);
    return { ms: middle, spread: quantile(samples, 0.9) / middle - 1, count: samples.length };
  }
}

export interface TimingLoop {
  /** Median milliseconds. */
  readonly ms: number;
  readonly spread: number;
  readonly count: number;
}
