/**
 * What the kernel bench runs: for every kernel of a forward its sizes, and the operands that cannot be random numbers. A new kernel
 * needs one entry here, and does not compile without. Cases are plain data; nothing here runs.
 */
import type { InferenceKernelName } from "../kernels/index.ts";

export interface KernelCase {
  readonly kernel: InferenceKernelName;
  /** What of it is run, in words: "32 × 768 × 3072", "8 texts, 128 rows". */
  readonly shape: string;
  /** Rows: what --rows picks by. */
  readonly rows: number;
  readonly sizes: Readonly<Record<string, number>>;
  /** Arguments that are neither sizes nor operands. */
  readonly scalars?: Readonly<Record<string, number | string>>;
  /** Integer operands. */
  readonly integers?: Readonly<Record<string, readonly number[]>>;
  /** Optional operands that this case passes. */
  readonly optional?: readonly string[];
}

/** Rows of the products: a decision's, a skimmed text's, a sentence's, a page's. */
export const productRows = [1, 2, 3, 4, 8, 16, 32, 64, 128, 512] as const;
/** Rows of everything else. */
export const textRows = [8, 32, 128, 512] as const;

/** [k, m] of the layers of BERT-base, mini and tiny. */
export const productShapes = [
  [768, 768],
  [768, 3072],
  [3072, 768],
  [256, 1024],
  [128, 512],
] as const;

const d = 768;
const f = 3072;
const h = 12;
const vocabulary = 30_522;

type Case = Omit<KernelCase, "kernel">;

const product = (n: number, k: number, m: number): Case => ({
  shape: `${n} × ${k} × ${m}`,
  rows: n,
  sizes: { n, k, m },
});

/** Texts of these lengths; `importance` as skimming asks for it. */
function attentionOf(lengths: readonly number[]): Case {
  const starts = [0];
  for (const length of lengths) starts.push(starts[starts.length - 1] + length);
  const rows = starts[lengths.length];
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  return {
    shape: `${lengths.length === 1 ? "1 text" : `${lengths.length} texts`}, ${rows} rows`,
    rows,
    sizes: { n: rows, d, h, texts: lengths.length, pairs },
    integers: { starts },
  };
}

/** As many rows in texts whose lengths are one, three and four eighths of a pair, over and over. */
function ragged(rows: number): number[] {
  const eighth = rows / 8;
  return [eighth, 3 * eighth, 4 * eighth].flatMap((length) => [Math.floor(length / 2), Math.ceil(length / 2)]);
}

const flat = (rows: number, width: number): Case => ({
  shape: `${rows} × ${width}`,
  rows,
  sizes: { length: rows * width },
});

const matrix = (rows: number, more: Readonly<Record<string, number>> = { d }): Case => ({
  shape: [rows, ...Object.values(more)].join(" × "),
  rows,
  sizes: { n: rows, ...more },
});

/** Half of the rows of a table, every other one: what skimming leaves. */
function moved(rows: number): Case {
  const index = Array.from({ length: rows }, (_, i) => 2 * i);
  return { shape: `${rows} of ${2 * rows} × ${d}`, rows, sizes: { n: rows, d, rows: 2 * rows }, integers: { index } };
}

function embedded(rows: number): Case {
  // Words lie anywhere in a table that no cache holds.
  const ids = Array.from({ length: rows }, (_, i) => (i * 7919) % vocabulary);
  const positions = Array.from({ length: rows }, (_, i) => i);
  return {
    shape: `${rows} × ${d}`,
    rows,
    sizes: { n: rows, d, vocabulary, maxPositions: 512, types: 2 },
    integers: { ids, positions, segments: ids.map(() => 0) },
  };
}

const everyText = (make: (rows: number) => Case): Case[] => textRows.map(make);

const products = productShapes.flatMap(([k, m]) => productRows.map((n) => product(n, k, m)));

const casesByKernel: Readonly<Record<InferenceKernelName, readonly Case[]>> = {
  matmul: products,
  matmulInt8: products,
  attention: textRows.flatMap((rows) => [attentionOf([rows]), attentionOf(ragged(rows))]),
  softmax: everyText((rows) => matrix(rows, { m: rows })),
  layerNorm: everyText((rows) => ({ ...matrix(rows), scalars: { eps: 1e-12 } })),
  gelu: everyText((rows) => flat(rows, f)),
  tanh: everyText((rows) => flat(rows, d)),
  embed: everyText(embedded),
  gather: everyText(moved),
  scatter: everyText(moved),
  add: everyText((rows) => flat(rows, d)),
  blend: everyText((rows) => matrix(rows)),
};

export const kernelCases: readonly KernelCase[] = Object.entries(casesByKernel).flatMap(([kernel, cases]) =>
  cases.map((one) => ({ ...one, kernel: kernel as InferenceKernelName })),
);
