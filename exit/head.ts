/**
 * A head that can answer for a text from its [CLS] row alone: pooler (d → d, tanh) and a linear classifier.
 * The same code serves the off-ramps after the layers and the model's own last head.
 * Sources: BERT's pooler, https://arxiv.org/abs/1810.04805; off-ramps as in FastBERT and Magic Pyramid
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { Linear } from "../kernels/linear.ts";

export interface ExitHead {
  readonly pooler: Linear;
  readonly classifier: Linear;
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

/** Enqueues logits [clsRows.length, c] into `buffers.logits`; `clsRows` are the rows of `hidden` [rows, d] to read. */
export function answer(
  backend: InferenceBackend,
  { pooler, classifier }: ExitHead,
  hidden: Handle,
  clsRows: Int32Array,
  rows: number,
  d: number,
  buffers: HeadBuffers,
): void {
  const n = clsRows.length;
  const { clsIndex, cls, pooled, logits } = buffers;
  backend.write(clsIndex, clsRows);
  backend.op("gather", { out: cls, table: hidden, index: clsIndex, n, d, rows });
  backend.op("matmul", { out: pooled, a: cls, ...pooler, activation: "tanh", n });
  backend.op("matmul", { out: logits, a: pooled, ...classifier, n });
}
