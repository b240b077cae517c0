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

/** Buffers whose reading is timed: within a usual second cache, two within a usual third one, one far outside all. */
export const readBuffers = [512 * KiB, 4 * MiB, 16 * MiB, 128 * MiB] as const;

/** Samples of a read: they are few because the buffers are large. */
const readSamples = 12;

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

/** The register loop of a variant, of a fixed length: its time tells how fast the machine is now. */
export interface Yardstick {
  readonly run: () => void;
  /** What one run computes. */
  readonly flops: number;
}

export interface PeakOptions {
  /** Samples of each register loop. Default 40. */
  readonly samples?: number;
  /** Milliseconds that a sample of a register loop should take. Default 0.2. */
  readonly sampleMs?: number;
  /** Buffers to read, ascending. Default 512 KiB, 4, 16 and 128 MiB. */
  readonly buffers?: readonly number[];
}

export interface PeakMeter {
  readonly yardstick: Yardstick;
  /** Measures all peaks; takes a few tenths of a second. */
  measure(): Promise<Peaks>;
}

/** Compiles the loops of a variant. Throws ERR_BACKEND or CompileError if this process cannot run it. */
export async function peakMeter(variant: Variant, options: PeakOptions = {}): Promise<PeakMeter> {
  const { samples = 40, sampleMs = 0.2, buffers = readBuffers } = options;
  compilesFor(variant);
  const loops = peakLoops(variant, buffers[buffers.length - 1]);
  const issue = await fixed(variant, loops.issue, sampleMs);
  const int8 = loops.issueInt8 && (await fixed(variant, loops.issueInt8, sampleMs));
  for (const bytes of buffers) await settle(variant, () => loops.read(bytes), 5);
  const yardstick = { run: issue.run, flops: issue.turns * loops.flopsPerTurn };
  return {
    yardstick,
    async measure() {
      const reads: ReadPeak[] = [];
      for (const bufferBytes of buffers)
        reads.push({ bufferBytes, bytesPerSecond: await readPeak(loops, bufferBytes) });
      return {
        variant,
        flopsPerSecond: (1000 * yardstick.flops) / (await best(issue.run, samples)),
        ...(int8 && {
          int8OpsPerSecond: (1000 * int8.turns * loops.int8OpsPerTurn) / (await best(int8.run, samples)),
        }),
        reads,
      };
    },
  };
}

/** The better of two measurements of the same variant, figure by figure. */
export function betterPeaks(a: Peaks, b: Peaks): Peaks {
  return {
    variant: a.variant,
    flopsPerSecond: Math.max(a.flopsPerSecond, b.flopsPerSecond),
    ...(a.int8OpsPerSecond !== undefined && {
      int8OpsPerSecond: Math.max(a.int8OpsPerSecond, b.int8OpsPerSecond ?? 0),
    }),
    reads: a.reads.map(({ bufferBytes, bytesPerSecond }, i) => ({
      bufferBytes,
      bytesPerSecond: Math.max(bytesPerSecond, b.reads[i].bytesPerSecond),
    })),
  };
}

/** The read peak that a working set of `bytes` bytes can hope for: that of the smallest buffer which is no smaller. */
export function readPeakFor({ reads }: Peaks, bytes: number): ReadPeak {
  return reads.find(({ bufferBytes }) => bytes <= bufferBytes) ?? reads[reads.length - 1];
}

/** A loop of as many turns as take `sampleMs` milliseconds. */
async function fixed(variant: Variant, loop: (turns: number) => void, sampleMs: number) {
  const trial = 5000;
  await settle(variant, () => loop(trial), 30);
  const turns = Math.ceil((trial * sampleMs) / (await best(() => loop(trial), 10)));
  return { turns, run: () => loop(turns) };
}

async function readPeak({ read }: PeakLoops, bytes: number): Promise<number> {
  // Small buffers are read several times a sample.
  const times = Math.ceil((4 * MiB) / bytes);
  const run = () => {
    for (let i = 0; i < times; i++) read(bytes);
  };
  return (1000 * times * bytes) / (await best(run, readSamples));
}

/** Milliseconds of a function undisturbed. */
async function best(run: () => void, runs: number): Promise<number> {
  return bestOf((await measure({ run }, { runs, warmup: 1 })).samples.run);
}

/** The tenth percentile: the very fastest sample may be the clock's mistake. */
export const bestOf = (samples: readonly number[]): number => quantile(samples, 0.1);
