/**
 * The parameters of a BERT and of the parts that let it narrow, under Hugging Face's names, wherever they come from.
 * A `ParameterSource` knows where they come from and where they live (a checkpoint, random weights, a trainer);
 * this file only knows what there is: names and shapes.
 */
import type { Handle } from "../engine/backend.ts";
import type { ExitHead } from "../exit/head.ts";
import type { Linear, Norm } from "../kernels/linear.ts";
import type { SkimPredictor } from "../skim/predictor.ts";
import type { BertConfig } from "./config.ts";

export interface ParameterSource {
  /** Linear layers [m, k] as stored, stacked over their outputs into one packed matrix: [k, names · m]. */
  linear(names: readonly string[], m: number, k: number): Handle;
  /** Vectors of `length` values, laid end to end. */
  vector(names: readonly string[], length: number): Handle;
  /** A table [rows, d] to gather from. */
  table(name: string, rows: number, d: number): Handle;
}

export interface LayerParameters {
  readonly qkv: Linear;
  readonly attentionOut: Linear;
  readonly attentionNorm: Norm;
  readonly up: Linear;
  readonly down: Linear;
  readonly outputNorm: Norm;
}

export interface EmbeddingParameters {
  readonly word: Handle;
  readonly position: Handle;
  readonly segment: Handle;
  readonly norm: Norm;
}

export interface BertParameters {
  readonly embeddings: EmbeddingParameters;
  readonly layers: readonly LayerParameters[];
}

export function linear(source: ParameterSource, name: string | readonly string[], m: number, k: number): Linear {
  const names = typeof name === "string" ? [name] : name;
  return {
    weights: source.linear(
      names.map((n) => `${n}.weight`),
      m,
      k,
    ),
    bias: source.vector(
      names.map((n) => `${n}.bias`),
      m,
    ),
    m: m * names.length,
    k,
  };
}

export function norm(source: ParameterSource, name: string, d: number): Norm {
  return { gamma: source.vector([`${name}.weight`], d), beta: source.vector([`${name}.bias`], d) };
}

function embeddingParameters(source: ParameterSource, config: BertConfig): EmbeddingParameters {
  const at = "bert.embeddings";
  return {
    word: source.table(`${at}.word_embeddings.weight`, config.vocabulary, config.d),
    position: source.table(`${at}.position_embeddings.weight`, config.maxPositions, config.d),
    segment: source.table(`${at}.token_type_embeddings.weight`, config.types, config.d),
    norm: norm(source, `${at}.LayerNorm`, config.d),
  };
}

export function layerParameters(source: ParameterSource, { d, f }: BertConfig, l: number): LayerParameters {
  const at = `bert.encoder.layer.${l}`;
  const self = `${at}.attention.self`;
  return {
    qkv: linear(source, [`${self}.query`, `${self}.key`, `${self}.value`], d, d),
    attentionOut: linear(source, `${at}.attention.output.dense`, d, d),
    attentionNorm: norm(source, `${at}.attention.output.LayerNorm`, d),
    up: linear(source, `${at}.intermediate.dense`, f, d),
    down: linear(source, `${at}.output.dense`, d, f),
    outputNorm: norm(source, `${at}.output.LayerNorm`, d),
  };
}

export function bertParameters(source: ParameterSource, config: BertConfig): BertParameters {
  return {
    embeddings: embeddingParameters(source, config),
    layers: Array.from({ length: config.layers }, (_, l) => layerParameters(source, config, l)),
  };
}

/** Transkimmer's predictor before layer l, under the authors' names; `width` is d in their checkpoints, narrow in ours. */
export function skimPredictor(source: ParameterSource, d: number, width: number, l: number): SkimPredictor {
  const at = `bert.encoder.skim_predictors.${l}.predictor`;
  return {
    width,
    norm: norm(source, `${at}.0`, d),
    narrow: linear(source, `${at}.1`, width, d),
    narrowNorm: norm(source, `${at}.2`, width),
    decide: linear(source, `${at}.4`, 2, width),
  };
}

/** The head that may answer after layer l: a pooler and a classifier of its own. */
export function exitHead(source: ParameterSource, d: number, c: number, l: number): ExitHead {
  const at = `bert.encoder.exit_heads.${l}`;
  return { pooler: linear(source, `${at}.pooler.dense`, d, d), classifier: linear(source, `${at}.classifier`, c, d) };
}

/** The model's own last head: BERT's pooler and classifier. */
export function finalHead(source: ParameterSource, d: number, c: number): ExitHead {
  return { pooler: linear(source, "bert.pooler.dense", d, d), classifier: linear(source, "classifier", c, d) };
}
