/** What `taperbert bench kernels` found, as tables for people. It computes nothing. */
import type { ForwardShare } from "../bench/forward-share.ts";
import type { KernelRow } from "../bench/kernels.ts";
import type { Peaks } from "../bench/peaks.ts";
import { digits, table } from "./table.ts";

/** A build or a peer that could not take part. */
export interface Absent {
  readonly by: string;
  readonly why: string;
}

export interface KernelReport {
  readonly peaks: readonly Peaks[];
  readonly rows: readonly KernelRow[];
  readonly shares: readonly ForwardShare[];
  readonly refused: readonly Absent[];
}

export function kernelReport({ peaks, rows, shares, refused }: KernelReport): string[] {
  return [
    ...peakTable(peaks),
    ...(rows.length > 0 ? ["", ...rowTable(rows)] : []),
    ...(shares.length > 0 ? ["", ...shareTable(shares)] : []),
    ...(refused.length > 0 ? [""] : []),
    ...refused.map(({ by, why }) => `${by}: ${why}`),
  ];
}

function peakTable(peaks: readonly Peaks[]): string[] {
  const giga = (value: number) => digits(value / 1e9);
  const buffers = peaks[0].reads.map(({ bufferBytes }) => `GB/s of ${bufferBytes / 2 ** 20} MiB`);
  return table([
    ["peaks", "GFLOP/s", "int8 GOP/s", ...buffers],
    ...peaks.map(({ variant, flopsPerSecond, int8OpsPerSecond, reads }) => [
      variant,
      giga(flopsPerSecond),
      when(int8OpsPerSecond, giga),
      ...reads.map(({ bytesPerSecond }) => giga(bytesPerSecond)),
    ]),
  ]);
}

function rowTable(rows: readonly KernelRow[]): string[] {
  const two = (value: number) => value.toFixed(2);
  const rates = ["µs", "GFLOP/s", "GB/s", "ns/value", "of issue", "at best", "of read", "drift"];
  return table([
    ["kernel", "shape", "weights", "by", ...rates],
    ...rows.map((row) => [
      row.kernel,
      row.shape,
      row.weights ?? "",
      row.by,
      digits(row.microseconds),
      when(row.gflopsPerSecond, digits),
      digits(row.gbytesPerSecond),
      when(row.nsPerElement, digits),
      when(row.ofIssuePeak, two),
      when(row.bestOfIssuePeak, two),
      when(row.ofReadPeak, two),
      two(row.drift),
    ]),
  ]);
}

function shareTable(shares: readonly ForwardShare[]): string[] {
  return table([
    ["whole forward", "tokens", "by", "ms", "its bare products, ms", "share"],
    ...shares.map(({ model, tokens, by, forwardMs, productsMs, share }) => [
      model,
      String(tokens),
      by,
      digits(forwardMs),
      digits(productsMs),
      share.toFixed(3),
    ]),
  ]);
}

/** An empty cell for what a row does not have. */
function when(value: number | undefined, form: (value: number) => string): string {
  return value === undefined ? "" : form(value);
}
