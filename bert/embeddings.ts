/** Token ids to rows: word + position + segment embeddings, then BERT's first layer normalisation. */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyNorm } from "../kernels/linear.ts";
import type { BertConfig } from "./config.ts";
import type { EmbeddingParameters } from "./parameters.ts";

export interface EmbedBuffers {
  /** i32 [n] each, already written. */
  readonly ids: Handle;
  readonly positions: Handle;
  readonly segments: Handle;
  /** [n, d] each; `out` is the result. */
  readonly summed: Handle;
  readonly out: Handle;
}

export function embedTokens(
  backend: InferenceBackend,
  { word, position, segment, norm }: EmbeddingParameters,
  { d, vocabulary, maxPositions, types, eps }: BertConfig,
  n: number,
  { ids, positions, segments, summed, out }: EmbedBuffers,
): void {
  const tables = { word, position, segment, ids, positions, segments };
  backend.op("embed", { ...tables, out: summed, n, d, vocabulary, maxPositions, types });
  applyNorm(backend, norm, { out, x: summed, n, d, eps });
}
