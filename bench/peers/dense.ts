/**
 * A dense BERT's parameters as the peers like them: products row-major [k, m], so that they multiply from the right as they lie.
 * Nothing is kept: every call reads anew.
 */
import { TaperError } from "../../engine/errors.ts";
import type { BertWeights, BiasedProduct } from "./peer.ts";

/** Linear layers [m, k] of these names side by side, as one product [k, names · m]. */
export function productOf({ read }: BertWeights, names: readonly string[], m: number, k: number): BiasedProduct {
  const columns = names.length * m;
  const weights = new Float32Array(k * columns);
  const bias = new Float32Array(columns);
  for (const [i, name] of names.entries()) {
    transposeInto(weights, read(`${name}.weight`, [m, k]), m, k, columns, i * m);
    bias.set(read(`${name}.bias`, [m]), i * m);
  }
  return { k, m: columns, weights, bias };
}

/** In blocks: whole columns of a large matrix miss the cache at each step. */
function transposeInto(out: Float32Array, a: Float32Array, m: number, k: number, width: number, offset: number): void {
  const block = 32;
  for (let from = 0; from < m; from += block) {
    const to = Math.min(from + block, m);
    for (let i = 0; i < k; i++) for (let j = from; j < to; j++) out[i * width + offset + j] = a[j * k + i];
  }
}

export const embeddingNames = {
  word: "bert.embeddings.word_embeddings.weight",
  position: "bert.embeddings.position_embeddings.weight",
  segment: "bert.embeddings.token_type_embeddings.weight",
  norm: "bert.embeddings.LayerNorm",
} as const;

/** Hugging Face's names of a layer's parts. */
export function layerNames(l: number) {
  const at = `bert.encoder.layer.${l}`;
  const self = `${at}.attention.self`;
  return {
    query: `${self}.query`,
    key: `${self}.key`,
    value: `${self}.value`,
    attentionOut: `${at}.attention.output.dense`,
    attentionNorm: `${at}.attention.output.LayerNorm`,
    up: `${at}.intermediate.dense`,
    down: `${at}.output.dense`,
    outputNorm: `${at}.output.LayerNorm`,
  } as const;
}

export const headNames = { pooler: "bert.pooler.dense", classifier: "classifier" } as const;

export interface PaddedBatch {
  readonly texts: number;
  readonly longest: number;
  /** [texts, longest], zeros behind a text's end. */
  readonly ids: Int32Array;
  /** [texts]: how many of a row are real. */
  readonly lengths: Int32Array;
}

/** Throws ERR_INPUT for unequal lengths where no `padding` was asked for. */
export function pad(ids: readonly (readonly number[])[], padding: boolean): PaddedBatch {
  const lengths = Int32Array.from(ids, (text) => text.length);
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const all = new Int32Array(ids.length * longest);
  for (const [t, text] of ids.entries()) all.set(text, t * longest);
  if (!padding && lengths.some((length) => length < longest)) {
    throw new TaperError(
      "ERR_INPUT",
      `a peer was opened for texts of equal lengths, found [${lengths}]; open it with padding.`,
    );
  }
  return { texts: ids.length, longest, ids: all, lengths };
}

/** [texts, c] to a list. */
export function split(logits: Float32Array, texts: number): Float32Array[] {
  const c = logits.length / texts;
  return Array.from({ length: texts }, (_, t) => logits.slice(t * c, (t + 1) * c));
}
