/**
 * Token ids of many texts packed end to end, checked once at the door: after this, no kernel can read outside a table.
 */
import { TaperError } from "../engine/errors.ts";
import type { BertConfig } from "./config.ts";

export interface TokenBatch {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly segments: Int32Array;
  /** [texts + 1]; text t owns rows starts[t] … starts[t + 1] − 1. */
  readonly starts: Int32Array;
}

/** Throws ERR_INPUT for an empty or too long text, an id outside the vocabulary, or segments that do not fit. */
export function packBatch(
  ids: readonly (readonly number[])[],
  segments: readonly (readonly number[])[] | undefined,
  config: Pick<BertConfig, "vocabulary" | "maxPositions" | "types">,
): TokenBatch {
  if (segments !== undefined && segments.length !== ids.length) {
    throw new TaperError(
      "ERR_INPUT",
      `segments: expected one list per text (${ids.length}), found ${segments.length}.`,
    );
  }
  const starts = new Int32Array(ids.length + 1);
  for (const [t, text] of ids.entries()) {
    if (text.length < 1 || text.length > config.maxPositions) {
      throw new TaperError(
        "ERR_INPUT",
        `ids[${t}]: expected 1 to ${config.maxPositions} token ids, found ${text.length}; a tokenizer's encode() adds [CLS] and truncates.`,
      );
    }
    if (segments !== undefined && segments[t].length !== text.length) {
      throw new TaperError("ERR_INPUT", `segments[${t}]: expected ${text.length} values, found ${segments[t].length}.`);
    }
    starts[t + 1] = starts[t] + text.length;
  }
  const n = starts[ids.length];
  const batch = { ids: new Int32Array(n), positions: new Int32Array(n), segments: new Int32Array(n), starts };
  for (const [t, text] of ids.entries()) {
    for (const [p, id] of text.entries()) {
      const i = starts[t] + p;
      batch.ids[i] = inRange(id, config.vocabulary, () => `ids[${t}][${p}]`);
      batch.positions[i] = p;
      if (segments !== undefined)
        batch.segments[i] = inRange(segments[t][p], config.types, () => `segments[${t}][${p}]`);
    }
  }
  return batch;
}

function inRange(value: number, bound: number, where: () => string): number {
  if (Number.isInteger(value) && value >= 0 && value < bound) return value;
  throw new TaperError("ERR_INPUT", `${where()}: expected a whole number from 0 to ${bound - 1}, found ${value}.`);
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
