/**
 * Kernel × shape × contender, interleaved: how fast each is, and what share of the machine's peaks that is. It chooses no cases and
 * asserts nothing.
 */
import { contractOf } from "../kernels/check.ts";
import type { Cost } from "../kernels/contract.ts";
import type { Contender } from "./contenders.ts";
import type { KernelCase } from "./kernel-cases.ts";
import type { ReadyCase, Temperature } from "./kernel-operands.ts";
import { measure } from "./measure.ts";
import { bestOf, type Peaks, readPeakFor } from "./peaks.ts";
import { median, pairwiseRatios } from "./statistics.ts";
import { settle } from "./variants.ts";

export interface KernelBenchOptions {
  /** Rounds of all contenders in turn. Default 15. */
  readonly runs?: number | undefined;
  /** No further round after so many seconds a case. Default 2. */
  readonly seconds?: number | undefined;
  /** Shortest time of a sample: quick kernels run several times in one. Default 0.3. */
  readonly sampleMs?: number | undefined;
  /** Least time of a contender's warm-up for each case. Default 15. */
  readonly warmMs?: number | undefined;
}

/**
 * How long, and how often at most, a kernel runs untimed before each of its hot samples. Once is not enough: a cache shared by cores
 * keeps what was used again, and several megabytes that were read once since the others ran are not.
 */
const reheatMs = 3;
const mostReheats = 12;

interface Present {
  readonly by: Contender;
  readonly ready: ReadyCase;
  /** Runs a sample. */
  repeats: number;
  /** Runs before a sample. */
  reheats: number;
}

/** What the clock said of one contender and one case. */
export interface KernelTiming {
  readonly one: KernelCase;
  /** Absent for kernels without packed weights. */
  readonly weights?: Temperature;
  readonly by: Contender;
  /** Median milliseconds of one run. */
  readonly ms: number;
  /** The same at its best. */
  readonly bestMs: number;
  /** Median of one run's time over that of the contender's yardstick in the same round. */
  readonly yardsticks: number;
  /** Milliseconds of the yardstick: median of the rounds, and at their best. */
  readonly yardstickMs: { readonly median: number; readonly best: number };
}

/** Times one case. Timings come in the contenders' order; one that lacks the kernel has none. */
export async function timeKernel(
  one: KernelCase,
  temperature: Temperature,
  contenders: readonly Contender[],
  { runs = 15, seconds = 2, sampleMs = 0.3, warmMs = 15 }: KernelBenchOptions = {},
): Promise<KernelTiming[]> {
  const present: Present[] = [];
  try {
    for (const by of contenders) {
      const ready = await by.ready(one, temperature);
      if (ready === undefined) continue;
      present.push({ by, ready, repeats: 1, reheats: 1 });
      await settle(by.variant, () => ready.run(1), warmMs);
    }
    const functions: Record<string, () => unknown> = {};
    for (const entry of present) {
      const { by, ready } = entry;
      const runMs = await trialMs(ready);
      entry.repeats = Math.max(1, Math.ceil(sampleMs / runMs));
      entry.reheats = Math.min(mostReheats, Math.max(1, Math.ceil(reheatMs / runMs)));
      functions[yardstickOf(by)] = by.yardstick.run;
      functions[by.name] = () => ready.run(entry.repeats);
    }
    // A yardstick's name is no contender's: nothing is prepared for it.
    const byName = new Map(present.map((entry) => [entry.by.name, entry]));
    const prepare = (name: string) => {
      const entry = temperature === "hot" ? byName.get(name) : undefined;
      return entry?.ready.run(entry.reheats);
    };
    const { samples } = await measure(functions, { runs, seconds, warmup: 1, prepare });
    const weights = hasWeights(one) ? { weights: temperature } : {};
    return present.map(({ by, repeats }) => {
      const [own, yardstick] = [samples[by.name], samples[yardstickOf(by)]];
      return {
        one,
        ...weights,
        by,
        ms: median(own) / repeats,
        bestMs: bestOf(own) / repeats,
        yardsticks: median(pairwiseRatios(own, yardstick)) / repeats,
        yardstickMs: { median: median(yardstick), best: bestOf(yardstick) },
      };
    });
  } finally {
    for (const { ready } of present) ready.release();
  }
}

/** Whether there is anything to be hot or cold. */
export const hasWeights = ({ kernel }: KernelCase): boolean =>
  Object.values(contractOf(kernel).operands).some(({ role }) => role === "packed");

const yardstickOf = ({ name }: Contender): string => `yardstick of ${name}`;

/** Milliseconds of one run, about; never 0, whatever the clock says. */
async function trialMs({ run }: ReadyCase): Promise<number> {
  const trials = 3;
  const start = performance.now();
  await run(trials);
  return Math.max((performance.now() - start) / trials, 1e-4);
}

export interface KernelRow {
  readonly kernel: string;
  readonly shape: string;
  readonly rows: number;
  /** Whether packed weights lie in a cache before each run or come from memory; absent without weights. */
  readonly weights?: Temperature;
  readonly by: string;
  /** Median time of one run, as the clock had it. */
  readonly microseconds: number;
  /** How much slower than at its best the machine was meanwhile: the rates below are corrected by it. */
  readonly drift: number;
  /** Of products; absent for kernels without any. */
  readonly gflopsPerSecond?: number;
  /** Of operands, each counted once. */
  readonly gbytesPerSecond: number;
  /** Of kernels without products. */
  readonly nsPerElement?: number;
  /** Shares of the contender's own peaks; absent for peers. */
  readonly ofIssuePeak?: number;
  readonly ofReadPeak?: number;
  /** Share of the issue peak in the best rounds, uncorrected: far above `ofIssuePeak`, somebody else disturbed the others. */
  readonly bestOfIssuePeak?: number;
}

/** The best that each contender's register loop ever showed, in milliseconds, by name. */
export function bestYardsticks(timings: readonly KernelTiming[], peaks: readonly Peaks[]): Map<string, number> {
  const best = new Map<string, number>();
  for (const { by, yardstickMs } of timings) {
    const peak = peaks.find(({ variant }) => variant === by.variant);
    const known = best.get(by.name) ?? (1000 * by.yardstick.flops) / (peak?.flopsPerSecond ?? 0);
    best.set(by.name, Math.min(known, yardstickMs.best));
  }
  return best;
}

/** Timings as rates, against the best that the machine showed in the whole run. */
export function kernelRows(timings: readonly KernelTiming[], peaks: readonly Peaks[]): KernelRow[] {
  const best = bestYardsticks(timings, peaks);
  return timings.map(({ one, weights, by, ms, bestMs, yardsticks, yardstickMs }) => {
    const yardstick = best.get(by.name)!;
    const own = by.isPeer ? undefined : peaks.find(({ variant }) => variant === by.variant);
    return {
      kernel: one.kernel,
      shape: one.shape,
      rows: one.rows,
      ...(weights && { weights }),
      by: by.name,
      microseconds: 1000 * ms,
      drift: yardstickMs.median / yardstick,
      ...rates(one, (yardsticks * yardstick) / 1000, bestMs / 1000, weights ?? "hot", own),
    };
  });
}

function rates(
  one: KernelCase,
  seconds: number,
  bestSeconds: number,
  temperature: Temperature,
  peaks: Peaks | undefined,
) {
  const cost: Cost = contractOf(one.kernel).cost(one.sizes as never);
  const flops = (2 * cost.macs) / seconds;
  const bytes = cost.bytes / seconds;
  const reach = temperature === "cold" ? Number.POSITIVE_INFINITY : cost.bytes;
  const isProduct = cost.macs > 0;
  const isInt8 = Object.values(contractOf(one.kernel).operands).some(({ kind }) => kind === "int8");
  const issuePeak = isInt8 ? peaks?.int8OpsPerSecond : peaks?.flopsPerSecond;
  return {
    ...(isProduct && { gflopsPerSecond: flops / 1e9 }),
    gbytesPerSecond: bytes / 1e9,
    ...(!isProduct && cost.elements > 0 && { nsPerElement: (1e9 * seconds) / cost.elements }),
    ...(issuePeak !== undefined &&
      isProduct && {
        ofIssuePeak: flops / issuePeak,
        bestOfIssuePeak: (2 * cost.macs) / bestSeconds / issuePeak,
      }),
    ...(peaks && { ofReadPeak: bytes / readPeakFor(peaks, reach).bytesPerSecond }),
  };
}
