/**
 * Token ids of many texts packed end to end, checked once at the door: after this, no kernel can read outside a table.
 */
import { show, TaperError } from "../engine/errors.ts";
import type { BertConfig } from "./config.ts";

export interface TokenBatch {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly segments: Int32Array;
  /** [texts + 1]; text t owns rows starts[t] … starts[t + 1] − 1. */
  readonly starts: Int32Array;
}

/** [capacity] each, for a batch that fits. */
export type BatchBuffers = Pick<TokenBatch, "ids" | "positions" | "segments">;

type Ids = readonly (readonly number[])[];

/** The length of every text. Throws ERR_INPUT for an empty or too long one, for segments of other lengths, and for no lists. */
export function lengthsOf(ids: Ids, segments: Ids | undefined, { maxPositions }: { maxPositions: number }): number[] {
  checkList(ids, "ids");
  if (segments !== undefined) checkList(segments, "segments", undefined, ids.length);
  const lengths: number[] = [];
  for (let t = 0; t < ids.length; t++) {
    const text = ids[t];
    checkList(text, "ids", t);
    if (text.length < 1 || text.length > maxPositions) {
      throw new TaperError(
        "ERR_INPUT",
        `ids[${t}]: expected 1 to ${maxPositions} token ids, found ${text.length}; a tokenizer's encode() adds [CLS] and truncates.`,
      );
    }
    if (segments !== undefined) checkList(segments[t], "segments", t, text.length);
    lengths.push(text.length);
  }
  return lengths;
}

/** A list called `name`, or its list number `t`; of `length` entries if that is given. */
function checkList(list: unknown, name: string, t?: number, length?: number): void {
  const isList = Array.isArray(list) || ArrayBuffer.isView(list);
  if (isList && (length === undefined || (list as ArrayLike<unknown>).length === length)) return;
  const what = t === undefined ? name : `${name}[${t}]`;
  const expected = length === undefined ? "a list" : `a list of ${length}`;
  const found = isList ? String((list as ArrayLike<unknown>).length) : show(list);
  throw new TaperError("ERR_INPUT", `${what}: expected ${expected}, found ${found}.`);
}

/**
 * `buffers`, if given, hold the batch until the next one is packed there.
 * Throws ERR_INPUT as `lengthsOf`, and for an id outside the vocabulary or a segment outside the model's types.
 */
export function packBatch(
  ids: Ids,
  segments: Ids | undefined,
  config: Pick<BertConfig, "vocabulary" | "maxPositions" | "types">,
  buffers?: BatchBuffers,
): TokenBatch {
  const starts = new Int32Array(ids.length + 1);
  const lengths = lengthsOf(ids, segments, config);
  for (let t = 0; t < lengths.length; t++) starts[t + 1] = starts[t] + lengths[t];
  const n = starts[ids.length];
  const list = (buffer: Int32Array | undefined) => buffer?.subarray(0, n) ?? new Int32Array(n);
  const batch = {
    ids: list(buffers?.ids),
    positions: list(buffers?.positions),
    segments: list(buffers?.segments),
    starts,
  };
  for (let t = 0; t < lengths.length; t++) {
    fillChecked(batch.ids, starts[t], ids[t], config.vocabulary, () => `ids[${t}]`);
    if (segments === undefined) batch.segments.fill(0, starts[t], starts[t + 1]);
    else fillChecked(batch.segments, starts[t], segments[t], config.types, () => `segments[${t}]`);
    for (let p = 0; p < lengths[t]; p++) batch.positions[starts[t] + p] = p;
  }
  return batch;
}

/** Copies a text's values to where it starts. Throws ERR_INPUT for one that is no whole number below `bound`. */
function fillChecked(to: Int32Array, start: number, from: readonly number[], bound: number, where: () => string): void {
  for (let p = 0; p < from.length; p++) {
    const value = from[p];
    if (Number.isInteger(value) && value >= 0 && value < bound) to[start + p] = value;
    else {
      const expected = `a whole number from 0 to ${bound - 1}`;
      throw new TaperError("ERR_INPUT", `${where()}[${p}]: expected ${expected}, found ${show(value)}.`);
    }
  }
}

/** Cuts a list of texts into runs whose tokens fit `budget`; a text longer than the budget gets a run of its own. */
export function splitByTokens(lengths: readonly number[], budget: number): [from: number, to: number][] {
  const runs: [number, number][] = [];
  let from = 0;
  let tokens = 0;
  for (const [t, length] of lengths.entries()) {
    if (t > from && tokens + length > budget) {
      runs.push([from, t]);
      from = t;
      tokens = 0;
    }
    tokens += length;
  }
  if (from < lengths.length) runs.push([from, lengths.length]);
  return runs;
}
