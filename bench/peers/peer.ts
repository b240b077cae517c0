/**
 * What Taper is compared with, behind one interface: a lone product, or a dense BERT, on the weights that ours runs on.
 * A peer pads its batches itself. It knows nothing of timing, and is no part of the package: see README.md beside this file.
 */
import type { BertConfig } from "../../bert/config.ts";
import type { TokenizerOptions } from "../../bert/tokenizer/tokenizer.ts";

export type PeerName = "onnxruntime-node" | "onnxruntime-web" | "tfjs-wasm" | "jax-js";

export type Dtype = "f32" | "int8";

export interface PeerOptions {
  /** Threads within an operation; default 1. In WebAssembly the first load of a process decides for all later ones. */
  readonly threads?: number | undefined;
  /** "int8": weights per column, activations at run time; what is read stays float32. Default "f32". */
  readonly dtype?: Dtype | undefined;
}

export interface BertOptions extends PeerOptions {
  /** Whether texts of unequal lengths will come together. Default false, as it takes a mask, which costs a little. */
  readonly padding?: boolean | undefined;
}

/** out[n, m] = a[n, k] · weights[k, m] (+ bias[m]). */
export interface Product {
  readonly k: number;
  readonly m: number;
  /** Row-major [k, m]. */
  readonly weights: Float32Array;
  readonly bias?: Float32Array | undefined;
}

export interface BiasedProduct extends Product {
  readonly bias: Float32Array;
}

export interface ProductSession {
  /** Row-major [n, k] to [n, m]. Whether the result is a fresh array is the peer's affair. */
  run(a: Float32Array, n: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** The values of a tensor by Hugging Face's name, row-major and not to be written to. */
export type ReadTensor = (name: string, shape: readonly number[]) => Float32Array;

export interface BertWeights {
  /** Of a model that classifies sequences. */
  readonly config: BertConfig;
  readonly read: ReadTensor;
}

export interface BertSession {
  /** Token ids, all of segment 0, to the logits [c] of each text; with `padding` a batch is padded to its longest text. */
  run(ids: readonly (readonly number[])[]): Promise<Float32Array[]>;
  dispose(): Promise<void>;
}

export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  /** What it can compute in. */
  readonly dtypes: readonly Dtype[];
  /** More are refused. */
  readonly maxThreads: number;
  /** Throws ERR_OPTION for a dtype that it lacks, or a number of threads that this process can no longer have. */
  product(product: Product, options?: PeerOptions): Promise<ProductSession>;
  /** Throws as `product`. */
  bert(weights: BertWeights, options?: BertOptions): Promise<BertSession>;
}

export interface AbsentPeer {
  readonly name: PeerName;
  /** Why it is not there and what to do about it. */
  readonly absent: string;
}

/** A library that is called with a text and does the rest itself: it is timed against ours with tokenisation. */
export interface TextPeer {
  readonly name: string;
  readonly version: string;
  readonly dtypes: readonly Dtype[];
  open(weights: BertWeights, tokenizer: TokenizerOptions, options?: PeerOptions): Promise<TextSession>;
}

export interface AbsentTextPeer extends Omit<AbsentPeer, "name"> {
  readonly name: string;
}

export interface TextSession {
  /** The token ids that it makes of a text, special ones included. */
  ids(text: string): readonly number[];
  /** The logits [c] that it makes its answer of. */
  logits(text: string): Promise<Float32Array>;
  /** What its users call: from a text to a label with its probability. */
  run(text: string): Promise<unknown>;
  dispose(): Promise<void>;
}
