/**
 * A head that can answer for a text from its [CLS] row alone: pooler (d → d, tanh) and a linear classifier.
 * The same code serves the off-ramps after the layers and the model's own last head.
 * Sources: BERT's pooler, https://arxiv.org/abs/1810.04805; off-ramps as in FastBERT and Magic Pyramid
 */
import type { Handle } from "../engine/backend.ts";
import { TaperError } from "../engine/errors.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyLinear, type Linear } from "../kernels/linear.ts";

export interface ExitHead {
  readonly pooler: Linear;
  readonly classifier: Linear;
  /** What follows the pooler. Absent: tanh. */
  readonly activation?: "relu";
}

export interface HeadBuffers {
  /** i32 [texts] */
  readonly clsIndex: Handle;
  /** [texts, d] each. */
  readonly cls: Handle;
  readonly pooled: Handle;
  /** [texts, c]: the result. */
  readonly logits: Handle;
}

/** MACs per text: d² + d·c. */
export function headMacs(d: number, c: number): number {
  return d * d + d * c;
}

/**
 * Enqueues logits [clsRows.length, c] into `buffers.logits`; `clsRows` are the rows of `hidden` [rows, d] to read.
 * Throws ERR_CONFIG for a head with a ReLU, which only `answerWithRelu` runs.
 */
export function answer(
  backend: InferenceBackend,
  { pooler, classifier, activation }: ExitHead,
  hidden: Handle,
  clsRows: ArrayLike<number>,
  rows: number,
  d: number,
  buffers: HeadBuffers,
): void {
  if (activation !== undefined) {
    throw new TaperError("ERR_CONFIG", "a pooler with a ReLU (DistilBERT's) runs, but it cannot be trained here.");
  }
  const n = clsRows.length;
  const { pooled, logits } = buffers;
  const a = clsOf(backend, hidden, clsRows, rows, d, buffers);
  applyLinear(backend, pooler, { out: pooled, a, n, activation: "tanh" });
  applyLinear(backend, classifier, { out: logits, a: pooled, n });
}

/** The same with DistilBERT's ReLU: no kernel has it, and a few rows are clamped on their way through the caller's memory. */
export async function answerWithRelu(
  backend: InferenceBackend,
  { pooler, classifier }: ExitHead,
  hidden: Handle,
  clsRows: ArrayLike<number>,
  rows: number,
  d: number,
  buffers: HeadBuffers,
): Promise<void> {
  const n = clsRows.length;
  const { pooled, logits } = buffers;
  const a = clsOf(backend, hidden, clsRows, rows, d, buffers);
  applyLinear(backend, pooler, { out: pooled, a, n });
  const values = await backend.read(pooled, n * d);
  backend.write(
    pooled,
    values.map((value) => Math.max(0, value)),
  );
  applyLinear(backend, classifier, { out: logits, a: pooled, n });
}

/** Where the [CLS] rows lie next to each other: a single text's is the first row where it is. */
function clsOf(
  backend: InferenceBackend,
  hidden: Handle,
  clsRows: ArrayLike<number>,
  rows: number,
  d: number,
  { clsIndex, cls }: HeadBuffers,
): Handle {
  if (clsRows.length === 1 && clsRows[0] === 0) return hidden;
  backend.write(clsIndex, clsRows);
  backend.op("gather", { out: cls, table: hidden, index: clsIndex, n: clsRows.length, d, rows });
  return cls;
}
