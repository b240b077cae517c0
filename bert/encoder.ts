/**
 * The forward that narrows: one matrix of rows, and after every decision less of it. Batch size 1 is no special case.
 */
import { breathe } from "../engine/abort.ts";
import { Rows } from "../engine/rows.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { TokenBatch } from "./batch.ts";
import type { Bert } from "./bert.ts";
import { embedTokens } from "./embeddings.ts";
import { attend, feedForward, type RowSizes } from "./layer.ts";
import { Narrowing, type NarrowingOptions } from "./narrowing.ts";
import type { Scratch } from "./scratch.ts";

export interface EncodeOptions extends NarrowingOptions {
  /** Looked at before each layer; whatever is waiting, its abort included, gets its turn there. */
  readonly signal?: AbortSignal | undefined;
}

/** Runs a batch that fits `scratch`; answers, traces and flips are in the returned Narrowing, states in `scratch.output`. */
export async function encode(
  backend: InferenceBackend,
  bert: Bert,
  batch: TokenBatch,
  scratch: Scratch,
  options: EncodeOptions,
): Promise<Narrowing> {
  const { signal } = options;
  const narrowing = new Narrowing(backend, bert, batch, scratch, options);
  const rows = embed(backend, bert, batch, scratch);
  const sizes = (): RowSizes => {
    const { d, h, eps } = bert.config;
    return { n: rows.count, texts: rows.texts, pairs: rows.pairs, d, h, eps };
  };
  for (const [l, layer] of bert.parameters.layers.entries()) {
    if (signal !== undefined) await breathe(signal);
    await narrowing.before(l, rows);
    const { importance } = narrowing;
    const { hidden, spare, startsHandle: starts } = rows;
    attend(backend, layer, sizes(), { out: spare, hidden, starts, importance }, scratch.layer);
    rows.swap();
    await narrowing.after(l, rows);
    feedForward(backend, layer, sizes(), { out: rows.spare, hidden: rows.hidden }, scratch.layer);
    rows.swap();
    await narrowing.exit(l, rows);
    if (rows.count === 0) break;
  }
  await narrowing.finish(rows);
  return narrowing;
}

function embed(backend: InferenceBackend, bert: Bert, batch: TokenBatch, scratch: Scratch): Rows {
  const { ids, positions, segments } = scratch;
  backend.write(ids, batch.ids);
  backend.write(positions, batch.positions);
  backend.write(segments, batch.segments);
  const rows = new Rows(backend, scratch.rows, batch.starts, bert.config.d);
  const buffers = { ids, positions, segments, summed: rows.spare, out: rows.hidden };
  embedTokens(backend, bert.parameters.embeddings, bert.config, rows.count, buffers);
  return rows;
}
