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
const productRows: readonly number[] = [1, 2, 3, 4, 8, 16, 32, 64, 128, 512];
/** Rows of everything else. */
const textRows: readonly number[] = [8, 32, 128, 512];

/** Inputs and outputs of a product. */
export type ProductShape = readonly [k: number, m: number];

/** Of the layers of BERT-base, mini and tiny. */
const productShapes: readonly ProductShape[] = [
  [768, 768],
  [768, 3072],
  [3072, 768],
  [256, 1024],
  [128, 512],
];

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
    shape: `${lengths.length === 1 ? "1 text" : `${lengths.length} texts`}, ${rows} ${rows === 1 ? "row" : "rows"}`,
    rows,
    sizes: { n: rows, d, h, texts: lengths.length, pairs },
    integers: { starts },
  };
}

/** As many rows in up to six texts, two of each length: 1 : 3 : 4. Few rows leave no text for some of the shares. */
function ragged(rows: number): number[] {
  const ends = [0, 1, 2, 5, 8, 12, 16].map((sixteenths) => Math.round((rows * sixteenths) / 16));
  return ends.slice(1).flatMap((end, i) => (end > ends[i] ? [end - ends[i]] : []));
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
  const positions = Array.from({ length: rows }, (_, i) => i % 512);
  return {
    shape: `${rows} × ${d}`,
    rows,
    sizes: { n: rows, d, vocabulary, maxPositions: 512, types: 2 },
    integers: { ids, positions, segments: ids.map(() => 0) },
  };
}

/** Sizes to measure at instead of those that matter to BERT-base, mini and tiny. */
export interface CaseSizes {
  readonly rows?: readonly number[] | undefined;
  readonly products?: readonly ProductShape[] | undefined;
}

/** The cases of every kernel at these numbers of rows; products also at each of these shapes. */
export function kernelCases({ rows, products = productShapes }: CaseSizes = {}): readonly KernelCase[] {
  const everyText = (make: (rows: number) => Case): Case[] => (rows ?? textRows).map(make);
  const everyProduct = products.flatMap(([k, m]) => (rows ?? productRows).map((n) => product(n, k, m)));
  const casesByKernel: Readonly<Record<InferenceKernelName, readonly Case[]>> = {
    matmul: everyProduct,
    matmulInt8: everyProduct,
    attention: (rows ?? textRows).flatMap((count) => {
      const several = ragged(count);
      return several.length > 1 ? [attentionOf([count]), attentionOf(several)] : [attentionOf([count])];
    }),
    softmax: everyText((count) => matrix(count, { m: count })),
    layerNorm: everyText((count) => ({ ...matrix(count), scalars: { eps: 1e-12 } })),
    gelu: everyText((count) => flat(count, f)),
    tanh: everyText((count) => flat(count, d)),
    embed: everyText(embedded),
    gather: everyText(moved),
    scatter: everyText(moved),
    add: everyText((count) => flat(count, d)),
    blend: everyText((count) => matrix(count)),
  };
  return Object.entries(casesByKernel).flatMap(([kernel, cases]) =>
    cases.map((one) => ({ ...one, kernel: kernel as InferenceKernelName })),
  );
}
