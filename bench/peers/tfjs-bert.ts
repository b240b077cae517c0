/** A dense BERT that classifies, in TensorFlow.js's operations. Every tensor but the parameters belongs to the caller's `tidy`. */
import { embeddingNames, headNames, layerNames, type PaddedBatch, productOf } from "./dense.ts";
import type { BertWeights } from "./peer.ts";
import type { Tf, TfTensor } from "./tfjs.ts";

interface Linear {
  readonly b: TfTensor;
  readonly bias: TfTensor;
  readonly m: number;
}

interface Norm {
  readonly gamma: TfTensor;
  readonly beta: TfTensor;
}

/** A score that no softmax gives anything to, and whose sum with another is still finite. */
const masked = -1e9;

export function tfjsBert(tf: Tf, weights: BertWeights) {
  const { config, read } = weights;
  const { d, h, f, eps } = config;
  const tensors: TfTensor[] = [];
  const keep = (values: Float32Array, shape: readonly number[]): TfTensor => {
    const tensor = tf.tensor(values, shape, "float32");
    tensors.push(tensor);
    return tensor;
  };
  const linear = (names: string | readonly string[], m: number, k: number): Linear => {
    const product = productOf(weights, typeof names === "string" ? [names] : names, m, k);
    return { b: keep(product.weights, [k, product.m]), bias: keep(product.bias, [product.m]), m: product.m };
  };
  const norm = (name: string): Norm => ({
    gamma: keep(read(`${name}.weight`, [d]), [d]),
    beta: keep(read(`${name}.bias`, [d]), [d]),
  });
  const word = keep(read(embeddingNames.word, [config.vocabulary, d]), [config.vocabulary, d]);
  const position = keep(read(embeddingNames.position, [config.maxPositions, d]), [config.maxPositions, d]);
  const segment = keep(read(embeddingNames.segment, [config.types, d]).slice(0, d), [d]);
  const embeddingNorm = norm(embeddingNames.norm);
  const layers = Array.from({ length: config.layers }, (_, l) => {
    const names = layerNames(l);
    return {
      qkv: linear([names.query, names.key, names.value], d, d),
      attentionOut: linear(names.attentionOut, d, d),
      attentionNorm: norm(names.attentionNorm),
      up: linear(names.up, f, d),
      down: linear(names.down, d, f),
      outputNorm: norm(names.outputNorm),
    };
  });
  const pooler = linear(headNames.pooler, d, d);
  const classifier = linear(headNames.classifier, config.labels.length, d);

  const multiply = (a: TfTensor, { b, bias }: Linear): TfTensor => tf.fused.matMul({ a, b, bias });
  const normalise = (x: TfTensor, { gamma, beta }: Norm): TfTensor => {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true);
    return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, eps))), gamma), beta);
  };
  const gelu = (x: TfTensor): TfTensor => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));

  /** All rows of all texts are one matrix but in attention: [texts, h, longest, d / h]. */
  const attend = (hidden: TfTensor, qkv: Linear, texts: number, longest: number, mask?: TfTensor): TfTensor => {
    const all = multiply(hidden, qkv);
    const [q, k, v] = [0, 1, 2].map((part) => {
      const rows = tf.slice(all, [0, part * d], [texts * longest, d]);
      return tf.transpose(tf.reshape(rows, [texts, longest, h, d / h]), [0, 2, 1, 3]);
    });
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(d / h));
    const context = tf.matMul(tf.softmax(mask ? tf.add(scores, mask) : scores), v, false, false);
    return tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [texts * longest, d]);
  };

  const forward = ({ ids, texts, longest, lengths }: PaddedBatch, padding: boolean): TfTensor => {
    const positions = Int32Array.from(ids, (_, i) => i % longest);
    const vectors = (table: TfTensor, indices: Int32Array) =>
      tf.gather(table, tf.tensor(indices, [indices.length], "int32"));
    const mask = padding ? tf.tensor(maskOf(lengths, longest), [texts, 1, 1, longest], "float32") : undefined;
    const embedded = tf.add(tf.add(vectors(word, ids), vectors(position, positions)), segment);
    let hidden = normalise(embedded, embeddingNorm);
    for (const layer of layers) {
      const context = attend(hidden, layer.qkv, texts, longest, mask);
      const attended = normalise(tf.add(multiply(context, layer.attentionOut), hidden), layer.attentionNorm);
      const inner = gelu(multiply(attended, layer.up));
      hidden = normalise(tf.add(multiply(inner, layer.down), attended), layer.outputNorm);
    }
    const cls = tf.reshape(tf.slice(tf.reshape(hidden, [texts, longest, d]), [0, 0, 0], [texts, 1, d]), [texts, d]);
    return multiply(tf.tanh(multiply(cls, pooler)), classifier);
  };
  return { forward, tensors: tensors as readonly TfTensor[] };
}

function maskOf(lengths: Int32Array, longest: number): Float32Array {
  return Float32Array.from({ length: lengths.length * longest }, (_, i) =>
    i % longest < lengths[Math.floor(i / longest)] ? 0 : masked,
  );
}
