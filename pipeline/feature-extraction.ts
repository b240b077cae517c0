/** States or vectors of texts, as one array with its dimensions. Pooling and length are the model's own unless a call says otherwise. */
import type { CallOptions, Model } from "../bert/model.ts";
import { unitVector } from "../bert/readouts.ts";
import { show, TaperError } from "../engine/errors.ts";
import { callOptions } from "./options.ts";

export interface FeatureExtractionOptions extends CallOptions {
  /** "none": a state for each token. Default: as the model's `modules.json` says, else "none". */
  readonly pooling?: "none" | "mean" | "cls" | undefined;
  /** Vectors of length 1. Default: as the model's `modules.json` says, else false. */
  readonly normalize?: boolean | undefined;
}

/** Values in row-major order. */
export interface Features {
  readonly type: "float32";
  /** [texts, d], or [texts, tokens of the longest, d] without pooling: shorter texts end in zeros. */
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly size: number;
  /** The same as nested lists. */
  tolist(): NestedNumbers;
}

export type NestedNumbers = number[] | NestedNumbers[];

export type FeatureExtraction = (
  texts: string | readonly string[],
  options?: FeatureExtractionOptions,
) => Promise<Features>;

const poolings: readonly unknown[] = ["none", "mean", "cls"];

export function featureExtraction(model: Model): FeatureExtraction {
  const where = "feature-extraction";
  return async (input, options = {}) => {
    const call = callOptions(options, ["pooling", "normalize"], where);
    const own = model.sentenceConfig;
    const { pooling = own?.pooling ?? "none", normalize = own?.normalize ?? false } = options;
    if (!poolings.includes(pooling)) {
      const expected = poolings.map(show).join(", ");
      throw new TaperError("ERR_OPTION", `${where}: pooling must be ${expected}; found ${show(pooling)}.`);
    }
    const texts = typeof input === "string" ? [input] : input;
    const { d } = model.config;
    if (pooling !== "none") {
      const vectors = await model.embed(texts, { ...call, pooling, normalize });
      return features(vectors, [texts.length, d]);
    }
    const encodings = texts.map((text) => model.encode(text));
    const { hidden = [] } = await model.forwardEncodings(encodings, { ...call, hidden: true });
    const longest = hidden.reduce((most, rows) => Math.max(most, rows.length / d), 0);
    return features(normalize ? hidden.map((rows) => unitRows(rows, d)) : hidden, [texts.length, longest, d]);
  };
}

function unitRows(rows: Float32Array, d: number): Float32Array {
  return Float32Array.from({ length: rows.length / d }).reduce<Float32Array>((all, _, i) => {
    all.set(unitVector(rows.slice(i * d, (i + 1) * d)), i * d);
    return all;
  }, new Float32Array(rows.length));
}

/** What of them crosses to another thread. */
export function packFeatures(value: unknown): unknown {
  const { dims, data } = value as Features;
  return { dims, data };
}

/** What `packFeatures` made, as features again. */
export function unpackFeatures(value: unknown): Features {
  const { dims, data } = value as Pick<Features, "dims" | "data">;
  return { type: "float32", dims, data, size: data.length, tolist: () => nested(data, dims) };
}

function features(parts: readonly Float32Array[], dims: readonly number[]): Features {
  const size = dims.reduce((a, b) => a * b, 1);
  const data = new Float32Array(size);
  for (const [t, values] of parts.entries()) data.set(values, (t * size) / parts.length);
  return unpackFeatures({ dims, data });
}

function nested(data: Float32Array, [side, ...inner]: readonly number[]): NestedNumbers {
  if (inner.length === 0) return Array.from(data);
  const step = data.length / side;
  return Array.from({ length: side }, (_, i) => nested(data.subarray(i * step, (i + 1) * step), inner));
}
