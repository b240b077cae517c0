/**
 * The published BERT-tiny of the fixtures, as models: its head alone, from the small extract in tests/fixtures, or its whole encoder.
 * The published files have no embedding tables, so a model's word table holds the embedded words of the fixture's one sentence; and
 * skim predictors and exit heads, which it never had, are random.
 */
import type { Bert } from "../../bert/bert.ts";
import { buildBert } from "../../bert/build.ts";
import { Checkpoint, parameterSource } from "../../bert/checkpoint.ts";
import { type BertConfig, configOfShape, namedShapes } from "../../bert/config.ts";
import { Random } from "../../engine/random.ts";
import { parseSafetensors, type StoredTensor, writeSafetensors } from "../../engine/safetensors.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { everyPart } from "./random-bert.ts";

/** tests/fixtures/bert-tiny/head.json; the strings are base64 of little-endian float32. */
interface HeadFixture {
  readonly cls: string;
  readonly pooled: string;
  readonly logits: string;
  readonly parameters: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: string }>>;
}

export interface HeadCase {
  readonly tensors: Map<string, StoredTensor>;
  /** The values of [CLS] after the last layer [d], pooled [d] and as logits [c]. */
  readonly cls: Float32Array;
  readonly pooled: Float32Array;
  readonly logits: Float32Array;
}

export function headCase(json: string): HeadCase {
  const { cls, pooled, logits, parameters }: HeadFixture = JSON.parse(json);
  const stored = Object.entries(parameters).map(
    ([name, { shape, values }]) => [name, { shape, data: floats(values) }] as const,
  );
  const tensors = parseSafetensors(writeSafetensors(new Map(stored), { dtype: "F32" }), "head.json");
  return { tensors, cls: floats(cls), pooled: floats(pooled), logits: floats(logits) };
}

function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const values = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => values.getFloat32(4 * i, true));
}

/** What golden.json knows of the sentence, in float64. */
export interface Golden {
  /** [n, d] */
  readonly embedded_input: number[][];
  /** [layers, n, d] */
  readonly hidden_after_layer: number[][][];
  readonly logits: number[] | number[][];
}

/** The encoder of `encoder.safetensors` on a backend. Word i is the sentence's i-th token. */
export function bertTiny(
  backend: InferenceBackend,
  tensors: ReadonlyMap<string, StoredTensor>,
  { embedded_input: words }: Golden,
): Bert {
  const config: BertConfig = configOfShape(namedShapes.tiny, { vocabulary: words.length, maxPositions: words.length });
  const taper = { ...everyPart, skim: { predictorWidth: 16, attentionThresholds: [0.05, 0.06] } };
  const checkpoint = new Checkpoint(tensors, "encoder.safetensors");
  const random = new Random(11);
  const spread = Math.sqrt(words.flat().reduce((sum, value) => sum + value * value, 0) / words.flat().length);
  const source = parameterSource(backend, (name, shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    if (name.includes("word_embeddings")) return Float32Array.from(words.flat());
    if (name.includes("embeddings.LayerNorm.weight")) return new Float32Array(size).fill(spread);
    if (checkpoint.has(name)) return checkpoint.tensor(name, shape).read();
    if (name.endsWith("bias") || name.includes("embeddings")) return new Float32Array(size);
    if (shape.length === 1) return new Float32Array(size).fill(1);
    return Float32Array.from({ length: size }, () => 0.2 * random.normal());
  });
  return buildBert(config, taper, source);
}
