/**
 * The slice of jax-js that the dense BERT is written in, as types, and that BERT. An operation consumes its arguments: `.ref` keeps one for
 * another use.
 */
import { embeddingNames, headNames, layerNames, productOf } from "./dense.ts";
import type { BertWeights } from "./peer.ts";

export interface JaxArray {
  readonly ref: this;
  add(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  transpose(permutation: readonly number[]): JaxArray;
  slice(...index: (number | readonly [] | readonly [number, number])[]): JaxArray;
  dataSync(): Float32Array;
  dispose(): void;
}

type Compiled<F> = F & { dispose(): void };

/** https://jax-js.com/docs */
export interface Jax {
  init(device: "wasm"): Promise<readonly string[]>;
  defaultDevice(device: "wasm"): unknown;
  jit<A extends readonly unknown[]>(f: (...args: A) => JaxArray): Compiled<(...args: A) => JaxArray>;
  readonly tree: { ref<T>(tree: T): T; dispose(tree: unknown): void };
  readonly numpy: {
    readonly int32: unknown;
    array(values: Float32Array | Int32Array, options: { shape: readonly number[]; dtype?: unknown }): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    take(a: JaxArray, indices: JaxArray, axis: number): JaxArray;
    tanh(x: JaxArray): JaxArray;
  };
  readonly nn: {
    gelu(x: JaxArray, options: { approximate: boolean }): JaxArray;
    softmax(x: JaxArray, axis: number): JaxArray;
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
  };
}

interface Linear {
  readonly weights: JaxArray;
  readonly bias: JaxArray;
}

interface Norm {
  readonly gamma: JaxArray;
  readonly beta: JaxArray;
}

export type JaxParameters = ReturnType<typeof jaxParameters>;

/** On the device; they belong to the caller. */
export function jaxParameters({ numpy }: Jax, weights: BertWeights) {
  const { read, config } = weights;
  const { d, f } = config;
  const keep = (values: Float32Array, ...shape: number[]): JaxArray => numpy.array(values, { shape });
  const table = (name: string, rows: number): JaxArray => keep(read(name, [rows, d]), rows, d);
  const norm = (name: string): Norm => ({
    gamma: keep(read(`${name}.weight`, [d]), d),
    beta: keep(read(`${name}.bias`, [d]), d),
  });
  const linear = (name: string, m: number, k: number): Linear => {
    const product = productOf(weights, [name], m, k);
    return { weights: keep(product.weights, k, m), bias: keep(product.bias, m) };
  };
  return {
    word: table(embeddingNames.word, config.vocabulary),
    position: table(embeddingNames.position, config.maxPositions),
    segment: keep(read(embeddingNames.segment, [config.types, d]).slice(0, d), d),
    norm: norm(embeddingNames.norm),
    layers: Array.from({ length: config.layers }, (_, l) => {
      const names = layerNames(l);
      return {
        query: linear(names.query, d, d),
        key: linear(names.key, d, d),
        value: linear(names.value, d, d),
        attentionOut: linear(names.attentionOut, d, d),
        attentionNorm: norm(names.attentionNorm),
        up: linear(names.up, f, d),
        down: linear(names.down, d, f),
        outputNorm: norm(names.outputNorm),
      };
    }),
    pooler: linear(headNames.pooler, d, d),
    classifier: linear(headNames.classifier, config.labels.length, d),
  };
}

/** To be compiled: parameters, ids [texts · longest] and a mask [texts, 1, 1, longest] to the logits [texts, c]. */
export function jaxForward({ numpy: np, nn }: Jax, { d, h, eps }: BertWeights["config"]) {
  const multiply = (x: JaxArray, { weights, bias }: Linear): JaxArray => np.matmul(x, weights).add(bias);
  const normalise = (x: JaxArray, { gamma, beta }: Norm): JaxArray =>
    nn.standardize(x, -1, { epsilon: eps }).mul(gamma).add(beta);

  return (parameters: JaxParameters, ids: JaxArray, mask: JaxArray, texts: number, longest: number): JaxArray => {
    const rows = texts * longest;
    const byHead = (x: JaxArray): JaxArray => x.reshape([texts, longest, h, d / h]).transpose([0, 2, 1, 3]);
    const words = np.take(parameters.word, ids, 0).reshape([texts, longest, d]);
    const placed = words.add(parameters.position.slice([0, longest], [])).add(parameters.segment);
    let hidden = normalise(placed.reshape([rows, d]), parameters.norm);
    for (const layer of parameters.layers) {
      const q = byHead(multiply(hidden.ref, layer.query));
      const k = byHead(multiply(hidden.ref, layer.key)).transpose([0, 1, 3, 2]);
      const v = byHead(multiply(hidden.ref, layer.value));
      const scores = np.matmul(q, k).mul(1 / Math.sqrt(d / h));
      const mixed = np.matmul(nn.softmax(scores.add(mask.ref), -1), v);
      const context = mixed.transpose([0, 2, 1, 3]).reshape([rows, d]);
      const attended = normalise(multiply(context, layer.attentionOut).add(hidden), layer.attentionNorm);
      const inner = nn.gelu(multiply(attended.ref, layer.up), { approximate: false });
      hidden = normalise(multiply(inner, layer.down).add(attended), layer.outputNorm);
    }
    mask.dispose();
    const cls = hidden.reshape([texts, longest, d]).slice([], 0, []);
    return multiply(np.tanh(multiply(cls, parameters.pooler)), parameters.classifier);
  };
}
