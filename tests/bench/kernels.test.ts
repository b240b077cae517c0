/** The kernel bench: its cases run, its arithmetic is right, its peers and builds are accounted for. No rate is compared with another. */
import { expect, it } from "vitest";
import type { Contender } from "../../bench/contenders.ts";
import { bareProducts, forwardShare, recording } from "../../bench/forward-share.ts";
import { type KernelCase, kernelCases } from "../../bench/kernel-cases.ts";
import { copiesOf, operandsOn } from "../../bench/kernel-operands.ts";
import { kernelRows, timeKernel } from "../../bench/kernels.ts";
import { betterPeaks, type Peaks, peakMeter, readPeakFor } from "../../bench/peaks.ts";
import { randomModel, randomText } from "../../bench/random-model.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { contractOf } from "../../kernels/check.ts";
import type { Cost } from "../../kernels/contract.ts";
import { counting } from "../../kernels/counting.ts";
import { type InferenceBackend, type InferenceOps, inferenceContracts } from "../../kernels/index.ts";
import { acceptedVariants } from "../kernels/wasm-variants.ts";
import { tinyConfig } from "../support/tiny-model.ts";

const costOf = ({ kernel, sizes }: KernelCase): Cost => contractOf(kernel).cost(sizes as never);

it("has cases for every kernel of a forward, each with a cost", () => {
  const cases = kernelCases();
  expect(new Set(cases.map(({ kernel }) => kernel))).toEqual(new Set(inferenceContracts.map(({ name }) => name)));
  for (const one of cases) expect(costOf(one).bytes, `${one.kernel} ${one.shape}`).toBeGreaterThan(0);
  const names = cases.map(({ kernel, shape }) => `${kernel} ${shape}`);
  expect(new Set(names).size).toBe(names.length);
});

it("has them at any number of rows, and products of any shape", () => {
  const cases = kernelCases({ rows: [1, 25], products: [[5, 7]] });
  const shapes = (name: string) => cases.filter(({ kernel }) => kernel === name).map(({ shape }) => shape);
  expect(shapes("matmul")).toEqual(["1 × 5 × 7", "25 × 5 × 7"]);
  expect(shapes("attention")).toEqual(["1 text, 1 row", "1 text, 25 rows", "6 texts, 25 rows"]);
  for (const { integers, rows } of cases.filter(({ kernel }) => kernel === "attention")) {
    const { starts = [] } = integers ?? {};
    expect(starts[starts.length - 1]).toBe(rows);
    starts.slice(1).forEach((start, t) => void expect(start).toBeGreaterThan(starts[t]));
  }
});

it("runs a small case of each kernel on operands that the contract accepts, indices within their tables", () => {
  const cases = kernelCases({ rows: [3], products: [[5, 7]] });
  for (const { name } of inferenceContracts) {
    const one = cases.find(({ kernel }) => kernel === name)!;
    const backend = counting(scalarBackend());
    const { rows = 0, vocabulary = 0, texts = 0, n = 0 } = one.sizes;
    const { index = [], ids = [], starts = [0] } = one.integers ?? {};
    expect(Math.max(-1, ...index)).toBeLessThan(Math.max(rows, 1));
    expect(Math.max(-1, ...ids)).toBeLessThan(Math.max(vocabulary, 1));
    if (texts > 0) expect([starts.length, starts[texts]]).toEqual([texts + 1, n]);
    const ready = operandsOn(backend)(one, "hot");
    ready.run(2);
    expect(backend.byKernel[name]?.calls).toBe(2);
    ready.release();
  }
});

it("goes round enough copies of cold weights that no cache holds them, and starts where it stopped", () => {
  const used: unknown[] = [];
  const backend: InferenceBackend = {
    ...scalarBackend(),
    pack: () => ({ kind: "packed", length: 0 }),
    op: (_, args) => void used.push((args as InferenceOps["matmul"]).weights),
  };
  const one: KernelCase = { kernel: "matmul", shape: "", rows: 1, sizes: { n: 1, k: 4096, m: 4096 } };
  const copies = copiesOf(4 * 4096 * 4096, "cold");
  expect(4 * 4096 * 4096 * copies).toBeGreaterThanOrEqual(128 * 2 ** 20);
  const ready = operandsOn(backend)(one, "cold");
  ready.run(1);
  ready.run(copies);
  expect(new Set(used).size).toBe(copies);
  expect(used[copies]).toBe(used[0]);
});

const peaks: Peaks = {
  variant: "relaxed",
  flopsPerSecond: 4e9,
  reads: [
    { bufferBytes: 1000, bytesPerSecond: 8e9 },
    { bufferBytes: 1e9, bytesPerSecond: 1e9 },
  ],
};
const one: KernelCase = { kernel: "matmul", shape: "10 × 10 × 10", rows: 10, sizes: { n: 10, k: 10, m: 10 } };
const contender = (name: string, isPeer = false): Contender => ({
  name,
  isPeer,
  variant: "relaxed",
  yardstick: { run: () => undefined, flops: 4e6 },
  ready: async () => undefined,
  dispose: async () => undefined,
});

it("turns times into rates, corrected by the yardstick of the same rounds, and rates into shares of the peaks", () => {
  // The yardstick takes 1 ms at its best (4e6 FLOPs at 4e9 a second), 2 ms while the machine is slowed down; the product 1 µs and 2 µs.
  const timing = { one, weights: "hot" as const, by: contender("relaxed"), ms: 2e-3, bestMs: 1e-3, yardsticks: 1e-3 };
  const [row] = kernelRows([{ ...timing, yardstickMs: { median: 2, best: 2 } }], [peaks]);
  expect(row).toMatchObject({ kernel: "matmul", by: "relaxed", weights: "hot", microseconds: 2, drift: 2 });
  expect(row.gflopsPerSecond).toBeCloseTo(2, 9);
  expect(row.ofIssuePeak).toBeCloseTo(0.5, 9);
  expect(row.bestOfIssuePeak).toBeCloseTo(0.5, 9);
  expect(row.gbytesPerSecond).toBeCloseTo(1.2, 9);
  // 1200 bytes do not fit the buffer of 1000.
  expect(row.ofReadPeak).toBeCloseTo(1.2, 9);
  expect("nsPerElement" in row).toBe(false);
});

it("gives peers rates but no shares of our builds' peaks, and kernels without products a time per value", () => {
  const timing = { ms: 1e-3, bestMs: 1e-3, yardsticks: 1e-3, yardstickMs: { median: 1, best: 1 } };
  const gelu: KernelCase = { kernel: "gelu", shape: "1 × 100", rows: 1, sizes: { length: 100 } };
  const rows = kernelRows(
    [
      { ...timing, one, weights: "hot", by: contender("onnxruntime-node", true) },
      { ...timing, one: gelu, by: contender("relaxed") },
    ],
    [peaks],
  );
  expect(rows[0].gflopsPerSecond).toBeCloseTo(2, 9);
  expect(rows.map((row) => "ofIssuePeak" in row || "ofReadPeak" in row)).toEqual([false, true]);
  expect(rows[1].nsPerElement).toBeCloseTo(10, 9);
  expect("gflopsPerSecond" in rows[1] || "weights" in rows[1]).toBe(false);
});

it("keeps the better of two measurements, and finds the buffer that holds a working set", () => {
  const [fast, slow] = peaks.reads;
  const other = {
    ...peaks,
    flopsPerSecond: 5e9,
    reads: [
      { ...fast, bytesPerSecond: 1 },
      { ...slow, bytesPerSecond: 2e9 },
    ],
  };
  const better = betterPeaks(peaks, other);
  expect([better.flopsPerSecond, ...better.reads.map((read) => read.bytesPerSecond)]).toEqual([5e9, 8e9, 2e9]);
  expect(readPeakFor(peaks, 1000)).toBe(fast);
  expect(readPeakFor(peaks, 1001)).toBe(slow);
  expect(readPeakFor(peaks, Number.POSITIVE_INFINITY)).toBe(slow);
});

it("leaves out who lacks a kernel, releases what it made ready, and times the others in turn", async () => {
  const calls: string[] = [];
  const player = (name: string): Contender => ({
    ...contender(name),
    variant: "plain",
    ready: async () => ({ run: () => void calls.push(name), release: () => void calls.push(`release ${name}`) }),
  });
  const timings = await timeKernel(one, "cold", [player("a"), contender("lacks it"), player("b")], {
    runs: 2,
    warmMs: 0,
    sampleMs: 0,
  });
  expect(timings.map(({ by, weights }) => [by.name, weights])).toEqual([
    ["a", "cold"],
    ["b", "cold"],
  ]);
  // Warm-up of three runs and three trials apart, then a round untimed and two timed.
  expect(calls.slice(-8)).toEqual(["a", "b", "a", "b", "a", "b", "release a", "release b"]);
});

it.each(acceptedVariants.filter((variant) => variant !== "wide"))("measures positive peaks of %s", async (variant) => {
  const meter = await peakMeter(variant, { samples: 2, sampleMs: 0.05, buffers: [65_536, 262_144] });
  const { flopsPerSecond, int8OpsPerSecond, reads } = await meter.measure();
  expect(reads.map(({ bufferBytes }) => bufferBytes)).toEqual([65_536, 262_144]);
  const rates = [flopsPerSecond, int8OpsPerSecond ?? 1, meter.yardstick.flops, ...reads.map((r) => r.bytesPerSecond)];
  for (const rate of rates) expect(rate > 0 && Number.isFinite(rate)).toBe(true);
  expect(int8OpsPerSecond === undefined).toBe(variant === "plain");
});

it("the bare products of a forward are all of its products and nothing else", async () => {
  const counted = counting(scalarBackend());
  const backend = recording(counted);
  const model = randomModel(tinyConfig, {}, backend, 3);
  const text = randomText(9, tinyConfig.vocabulary, 4);
  const forward = () => model.forward([text.ids], { skim: false, exit: false });
  counted.reset();
  const operations = await backend.during(forward);
  const { macs } = counted.totals;
  expect(operations.length).toBe(counted.totals.calls);
  const products = bareProducts(backend, operations);
  counted.reset();
  products();
  expect(Object.keys(counted.byKernel)).toEqual(["matmul"]);
  expect(counted.totals.macs).toBe(macs);
  const share = await forwardShare("tiny", model, backend, text, { variant: "plain", runs: 1 });
  expect(share).toMatchObject({ model: "tiny", tokens: 9, by: "plain" });
  expect(share.share).toBeGreaterThan(0);
  await model.dispose();
});
