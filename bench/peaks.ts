/**
 * What this machine can do at most, measured by loops that do nothing else: the figures that kernels' rates are fractions of.
 * A peak is the best that a loop showed, as disturbances only ever slow it down.
 */
import type { Variant } from "../kernels/assembler/variant.ts";
import { measure } from "./measure.ts";
import { type PeakLoops, peakLoops } from "./peak-loops.ts";
import { quantile } from "./statistics.ts";
import { compilesFor, settle } from "./variants.ts";

const KiB = 2 ** 10;
const MiB = 2 ** 20;

/** Buffers whose reading is timed: within a usual second cache, within a usual third one, far outside all. */
export const readBuffers = [512 * KiB, 16 * MiB, 128 * MiB] as const;

export interface ReadPeak {
  /** Size of the buffer that was read over and over. */
  readonly bufferBytes: number;
  readonly bytesPerSecond: number;
}

export interface Peaks {
  readonly variant: Variant;
  /** Multiply-adds of float32 in registers; FLOPs a second. */
  readonly flopsPerSecond: number;
  /** 8-bit products and their sums in registers; operations a second. Absent where the build has no such instruction. */
  readonly int8OpsPerSecond?: number;
  /** Ascending by buffer. */
  readonly reads: readonly ReadPeak[];
}

/** A loop of a fixed length whose time tells how fast the machine is now, against how fast it was at its best. */
export interface Yardstick {
  readonly run: () => void;
  /** Milliseconds at its best. */
  readonly best: number;
}

export interface MeasuredPeaks extends Peaks {
  readonly yardstick: Yardstick;
}

export interface PeakOptions {
  /** Samples of each loop. Default 40. */
  readonly samples?: number;
  /** Milliseconds that a sample of a register loop should take. Default 0.2. */
  readonly sampleMs?: number;
  /** Buffers to read, ascending. Default `readBuffers`. */
  readonly buffers?: readonly number[];
}

/** Takes about half a second. Throws ERR_BACKEND or CompileError if this process cannot run the variant. */
export async function measurePeaks(variant: Variant, options: PeakOptions = {}): Promise<MeasuredPeaks> {
  const { samples = 40, sampleMs = 0.2, buffers = readBuffers } = options;
  compilesFor(variant);
  const loops = peakLoops(variant, buffers[buffers.length - 1]);
  const issue = await registerPeak(variant, loops.issue, sampleMs, samples);
  const int8 = loops.issueInt8 && (await registerPeak(variant, loops.issueInt8, sampleMs, samples));
  const reads: ReadPeak[] = [];
  for (const bufferBytes of buffers) {
    reads.push({ bufferBytes, bytesPerSecond: await readPeak(variant, loops, bufferBytes, samples) });
  }
  return {
    variant,
    flopsPerSecond: loops.flopsPerTurn * issue.turnsPerSecond,
    ...(int8 && { int8OpsPerSecond: loops.int8OpsPerTurn * int8.turnsPerSecond }),
    reads,
    yardstick: { run: issue.run, best: issue.best },
  };
}

/** The read peak that a working set of `bytes` bytes can hope for: that of the smallest buffer which is no smaller. */
export function readPeakFor(peaks: Peaks, bytes: number): ReadPeak {
  return peaks.reads.find(({ bufferBytes }) => bytes <= bufferBytes) ?? peaks.reads[peaks.reads.length - 1];
}

async function registerPeak(variant: Variant, loop: (turns: number) => void, sampleMs: number, samples: number) {
  const trial = 5000;
  await settle(variant, () => loop(trial), 30);
  const turns = Math.ceil((trial * sampleMs) / (await best(() => loop(trial), 10)));
  const run = () => loop(turns);
  const milliseconds = await best(run, samples);
  return { run, best: milliseconds, turnsPerSecond: (1000 * turns) / milliseconds };
}

async function readPeak(variant: Variant, { read }: PeakLoops, bytes: number, samples: number): Promise<number> {
  // Small buffers are read several times a sample.
  const times = Math.ceil((4 * MiB) / bytes);
  const run = () => {
    for (let i = 0; i < times; i++) read(bytes);
  };
  await settle(variant, run, 10);
  return (1000 * times * bytes) / (await best(run, Math.min(samples, 12)));
}

/** Milliseconds of a function undisturbed: the tenth percentile, as the very fastest may be the clock's mistake. */
async function best(run: () => void, samples: number): Promise<number> {
  const measured = await measure({ run }, { runs: samples, warmup: 1 });
  return quantile(measured.samples.run, 0.1);
}
