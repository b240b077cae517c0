/** The forward that training records: a batch of texts through a model's masked encoder, over names planned once. */
import type { TokenBatch } from "../bert/batch.ts";
import type { Bert } from "../bert/bert.ts";
import { predictorWidthOf } from "../bert/bert.ts";
import { embedTokens } from "../bert/embeddings.ts";
import { forwardMasked, type MaskPolicy } from "../bert/masked.ts";
import { planScratch, type Scratch } from "../bert/scratch.ts";
import type { Handle } from "../engine/backend.ts";
import type { Tape } from "./tape.ts";

export interface EncodePlan {
  readonly scratch: Scratch;
  /** [n, d] each: the masked form's own. */
  readonly attended: Handle;
  readonly between: Handle;
}

/** Names for up to `capacity` rows. */
export function planEncode(tape: Tape, bert: Bert, capacity: number): EncodePlan {
  const rows = (): Handle => tape.allocate(capacity * bert.config.d);
  const scratch = planScratch(tape, bert.config, predictorWidthOf(bert), capacity);
  return { scratch, attended: rows(), between: rows() };
}

/** Enqueues embeddings and all layers; returns the handle of the last state [n, d]. */
export function encode(
  tape: Tape,
  bert: Bert,
  { scratch, attended, between }: EncodePlan,
  { ids, positions, segments, starts }: TokenBatch,
  policy: MaskPolicy,
): Handle {
  const n = ids.length;
  const texts = starts.length - 1;
  let pairs = 0;
  for (let t = 0; t < texts; t++) pairs += (starts[t + 1] - starts[t]) ** 2;
  const { rows, layer, importance } = scratch;
  tape.write(scratch.ids, ids);
  tape.write(scratch.positions, positions);
  tape.write(scratch.segments, segments);
  tape.write(rows.starts, starts);
  const { ids: idsHandle, positions: positionsHandle, segments: segmentsHandle } = scratch;
  embedTokens(tape, bert.parameters.embeddings, bert.config, n, {
    ids: idsHandle,
    positions: positionsHandle,
    segments: segmentsHandle,
    summed: layer.summed,
    out: rows.hidden,
  });
  const buffers = { layer, attended, between, fed: rows.spare, importance, starts: rows.starts };
  return forwardMasked(tape, bert.config, bert.parameters, { n, texts, pairs }, rows.hidden, buffers, policy);
}
