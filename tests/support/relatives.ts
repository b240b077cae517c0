/** Tiny encoders with random weights under the names of BERT's relatives, with their configurations. */
import { Random } from "../../engine/random.ts";

type Tensor = { readonly shape: readonly number[]; readonly data: Float32Array };
export type Tensors = ReadonlyMap<string, Tensor>;

export interface RelativeShape {
  readonly layers: number;
  readonly d: number;
  readonly h: number;
  readonly f: number;
  readonly vocabulary: number;
  /** Rows of the position table. */
  readonly positions: number;
}

/** An encoder's tensors by BERT's names without a prefix, with a "pooler" and a "head" of two labels. `types` 0: no table of segments. */
export function encoderTensors(seed: number, shape: RelativeShape, types: number): Map<string, Tensor> {
  const { layers, d, f, vocabulary, positions } = shape;
  const random = new Random(seed);
  const tensors = new Map<string, Tensor>();
  const add = (name: string, ...sides: number[]): void => {
    const data = Float32Array.from({ length: sides.reduce((a, b) => a * b, 1) }, () => 0.5 * random.normal());
    tensors.set(name, { shape: sides, data });
  };
  const linear = (name: string, m: number, k: number): void => {
    add(`${name}.weight`, m, k);
    add(`${name}.bias`, m);
  };
  const norm = (name: string): void => {
    add(`${name}.weight`, d);
    add(`${name}.bias`, d);
  };
  add("embeddings.word_embeddings.weight", vocabulary, d);
  add("embeddings.position_embeddings.weight", positions, d);
  if (types > 0) add("embeddings.token_type_embeddings.weight", types, d);
  norm("embeddings.LayerNorm");
  for (let l = 0; l < layers; l++) {
    const at = `encoder.layer.${l}`;
    for (const part of ["query", "key", "value"]) linear(`${at}.attention.self.${part}`, d, d);
    linear(`${at}.attention.output.dense`, d, d);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, f, d);
    linear(`${at}.output.dense`, d, f);
    norm(`${at}.output.LayerNorm`);
  }
  linear("pooler", d, d);
  linear("head", 2, d);
  return tensors;
}

/** What follows "DistilBertFor", and the name of that task's last layer. */
const heads = { SequenceClassification: "classifier", QuestionAnswering: "qa_outputs" } as const;
type Head = keyof typeof heads;

export function distilbertConfig(shape: RelativeShape, head: Head = "SequenceClassification"): Record<string, unknown> {
  return {
    architectures: [`DistilBertFor${head}`],
    model_type: "distilbert",
    activation: "gelu",
    dim: shape.d,
    n_layers: shape.layers,
    n_heads: shape.h,
    hidden_dim: shape.f,
    vocab_size: shape.vocabulary,
    max_position_embeddings: shape.positions,
  };
}

const distilbertParts: Readonly<Record<string, string>> = {
  "attention.self.query": "attention.q_lin",
  "attention.self.key": "attention.k_lin",
  "attention.self.value": "attention.v_lin",
  "attention.output.dense": "attention.out_lin",
  "attention.output.LayerNorm": "sa_layer_norm",
  "intermediate.dense": "ffn.lin1",
  "output.dense": "ffn.lin2",
  "output.LayerNorm": "output_layer_norm",
};

export function asDistilbert(tensors: Tensors, head: Head = "SequenceClassification"): Map<string, Tensor> {
  const rename = (name: string): string => {
    const at = /^encoder\.layer\.(\d)\.(.*)\.(weight|bias)$/.exec(name);
    if (at !== null) return `distilbert.transformer.layer.${at[1]}.${distilbertParts[at[2]]}.${at[3]}`;
    if (name.startsWith("pooler.")) return name.replace("pooler", "pre_classifier");
    return name.startsWith("head.") ? name.replace("head", heads[head]) : `distilbert.${name}`;
  };
  return new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
}

/** `type` is the model_type, `family` what its architectures' names begin with. */
export function robertaConfig(shape: RelativeShape, type = "roberta", family = "Roberta"): Record<string, unknown> {
  return {
    architectures: [`${family}ForSequenceClassification`],
    model_type: type,
    hidden_act: "gelu",
    hidden_size: shape.d,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.h,
    intermediate_size: shape.f,
    vocab_size: shape.vocabulary,
    max_position_embeddings: shape.positions,
    type_vocab_size: 1,
    layer_norm_eps: 1e-5,
    pad_token_id: 1,
  };
}

export function asRoberta(tensors: Tensors): Map<string, Tensor> {
  const rename = (name: string): string => {
    if (name.startsWith("pooler.")) return name.replace("pooler", "classifier.dense");
    return name.startsWith("head.") ? name.replace("head", "classifier.out_proj") : `roberta.${name}`;
  };
  return new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
}
