/**
 * Kernel × shape × contender, interleaved: how fast each is, and what share of the machine's peaks that is. It chooses no cases, measures
 * no peaks and asserts nothing.
 */
import type { Variant } from "../kernels/assembler/variant.ts";
import { contractOf } from "../kernels/check.ts";
import type { Cost } from "../kernels/contract.ts";
import type { KernelCase } from "./kernel-cases.ts";
import type { ReadyCase, Temperature } from "./kernel-operands.ts";
import { measure } from "./measure.ts";
import { type Peaks, readPeakFor, type Yardstick } from "./peaks.ts";
import { median } from "./statistics.ts";
import { settle } from "./variants.ts";

/** Somebody who can run kernels: a build of ours, or a peer. */
export interface Contender {
  readonly name: string;
  /** Whose flags its code is compiled under. */
  readonly variant?: Variant;
  /** What its rates are fractions of. */
  readonly peaks?: Peaks;
  /** Undefined if it has no such kernel. */
  ready(one: KernelCase, temperature: Temperature): Promise<ReadyCase | undefined>;
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
  /** How much slower than at its best the machine was meanwhile: the rates below are multiplied by it. */
  readonly drift: number;
  /** Of products; absent for kernels without any. */
  readonly gflopsPerSecond?: number;
  readonly gbytesPerSecond: number;
  /** Of kernels without products. */
  readonly nsPerElement?: number;
  /** Share of the build's measured peaks; absent for peers. */
  readonly ofIssuePeak?: number;
  readonly ofReadPeak?: number;
}

export interface KernelBenchOptions {
  readonly yardstick: Yardstick;
  /** Rounds of all contenders in turn. Default 15. */
  readonly runs?: number;
  /** No further round after so many seconds a case. Default 2. */
  readonly seconds?: number;
  /** Shortest time of a sample: quick kernels run several times in one. Default 0.3. */
  readonly sampleMs?: number;
  /** Least time of a contender's warm-up for each case. Default 15. */
  readonly warmMs?: number;
}

const yardstickName = "yardstick";

/** Times one case. Rows come in the contenders' order; one that lacks the kernel has none. */
export async function benchKernel(
  one: KernelCase,
  temperature: Temperature,
  contenders: readonly Contender[],
  { yardstick, runs = 15, seconds = 2, sampleMs = 0.3, warmMs = 15 }: KernelBenchOptions,
): Promise<KernelRow[]> {
  const cost: Cost = contractOf(one.kernel).cost(one.sizes as never);
  const ready = new Map<string, ReadyCase>();
  try {
    for (const { name, ready: make } of contenders) {
      const made = await make(one, temperature);
      if (made !== undefined) ready.set(name, made);
    }
    const present = contenders.filter(({ name }) => ready.has(name));
    const times = new Map<string, number>();
    const functions: Record<string, () => unknown> = { [yardstickName]: yardstick.run };
    for (const { name, variant = "plain" } of present) {
      const { run } = ready.get(name)!;
      await settle(variant, () => run(1), warmMs);
      const start = performance.now();
      await run(3);
      const repeats = Math.max(1, Math.ceil((3 * sampleMs) / (performance.now() - start)));
      times.set(name, repeats);
      functions[name] = () => run(repeats);
    }
    const prepare = (name: string) => (temperature === "hot" ? ready.get(name)?.run(1) : undefined);
    const { samples } = await measure(functions, { runs, seconds, warmup: 1, prepare });
    const drift = median(samples[yardstickName]) / yardstick.best;
    const weights = Object.values(contractOf(one.kernel).operands).some(({ role }) => role === "packed");
    return present.map(({ name, peaks }) => ({
      kernel: one.kernel,
      shape: one.shape,
      rows: one.rows,
      ...(weights && { weights: temperature }),
      by: name,
      ...rates(median(samples[name]) / times.get(name)!, drift, cost, peaks, temperature),
    }));
  } finally {
    for (const { release } of ready.values()) release();
  }
}

function rates(ms: number, drift: number, cost: Cost, peaks: Peaks | undefined, temperature: Temperature) {
  const seconds = ms / 1000 / drift;
  const flops = (2 * cost.macs) / seconds;
  const bytes = cost.bytes / seconds;
  const hasProducts = cost.macs > 0;
  const reach = temperature === "cold" ? Number.POSITIVE_INFINITY : cost.bytes;
  return {
    microseconds: 1000 * ms,
    drift,
    ...(hasProducts && { gflopsPerSecond: flops / 1e9 }),
    gbytesPerSecond: bytes / 1e9,
    ...(!hasProducts && cost.elements > 0 && { nsPerElement: (1e9 * seconds) / cost.elements }),
    ...(peaks && {
      ...(hasProducts && { ofIssuePeak: flops / peaks.flopsPerSecond }),
      ofReadPeak: bytes / readPeakFor(peaks, reach).bytesPerSecond,
    }),
  };
}
