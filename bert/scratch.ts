/**
 * The buffers of a forward, planned once for a number of rows, on the backend and on this side of it: a forward makes none of its own
 * that grows with its rows, but for what it reads and returns.
 */
import type { Handle } from "../engine/backend.ts";
import type { RowBuffers } from "../engine/rows.ts";
import type { HeadBuffers } from "../exit/head.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { PredictorBuffers } from "../skim/predictor.ts";
import type { BatchBuffers } from "./batch.ts";
import type { BertConfig } from "./config.ts";
import type { LayerBuffers } from "./layer.ts";

export interface Scratch {
  /** Rows that fit. */
  readonly capacity: number;
  readonly rows: RowBuffers;
  readonly layer: LayerBuffers;
  readonly head: HeadBuffers;
  readonly predictor: PredictorBuffers | undefined;
  /** [n]: the attention each row received. */
  readonly importance: Handle;
  readonly ids: Handle;
  readonly positions: Handle;
  readonly segments: Handle;
  /** [n, d]: the last state of every row of the batch, where token-level heads read. */
  readonly output: Handle;
  /** i32 [n]: where in `output` a row belongs. */
  readonly origin: Handle;
  /** [n, c] for token-level heads. */
  readonly tokenLogits: Handle;
  /** [n] each, on this side of the backend: the batch, and what is decided of its rows. */
  readonly batch: BatchBuffers;
  readonly keep: Uint8Array;
  /** [2n]: what decisions are read into. */
  readonly scores: Float32Array;
  readonly leaving: Int32Array;
  readonly origins: Int32Array;
}

/** `predictorWidth` is 0 for a model without skim predictors. */
export function planScratch(
  backend: InferenceBackend,
  { d, f, labels, task }: BertConfig,
  predictorWidth: number,
  capacity: number,
): Scratch {
  const rowsOf = (columns: number): Handle => backend.allocate(capacity * columns);
  const integers = (length: number): Handle => backend.allocate(length, "i32");
  const list = (): Int32Array => new Int32Array(capacity);
  const c = task === "question-answering" ? 2 : task === "embedding" ? 0 : labels.length;
  return {
    capacity,
    rows: {
      hidden: rowsOf(d),
      spare: rowsOf(d),
      index: integers(capacity),
      starts: integers(capacity + 1),
      position: list(),
      text: list(),
      from: list(),
    },
    layer: { qkv: rowsOf(3 * d), context: rowsOf(d), summed: rowsOf(d), inner: rowsOf(f) },
    head: { clsIndex: integers(capacity), cls: rowsOf(d), pooled: rowsOf(d), logits: rowsOf(c) },
    predictor:
      predictorWidth === 0
        ? undefined
        : {
            normed: rowsOf(d),
            narrow: rowsOf(predictorWidth),
            narrowNormed: rowsOf(predictorWidth),
            narrowActive: rowsOf(predictorWidth),
            keepLogits: rowsOf(2),
          },
    importance: rowsOf(1),
    ids: integers(capacity),
    positions: integers(capacity),
    segments: integers(capacity),
    output: rowsOf(d),
    origin: integers(capacity),
    tokenLogits: rowsOf(c),
    batch: { ids: list(), positions: list(), segments: list() },
    keep: new Uint8Array(capacity),
    scores: new Float32Array(2 * capacity),
    leaving: list(),
    origins: list(),
  };
}

/** Gives every buffer back. */
export function releaseScratch(backend: InferenceBackend, scratch: Scratch): void {
  const release = (part: object): void => {
    for (const value of Object.values(part)) {
      if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) continue;
      if ("kind" in value && "length" in value) backend.release(value as Handle);
      else release(value);
    }
  };
  release(scratch);
}
