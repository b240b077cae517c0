/**
 * A model of a shape whose weights nobody trained: it takes as long as a trained one and its answers mean nothing. It neither skims nor
 * exits by itself; give it a schedule to replay (schedule.ts).
 */
import { buildBert } from "../bert/build.ts";
import { parameterSource } from "../bert/checkpoint.ts";
import type { BertConfig } from "../bert/config.ts";
import { type Dtype, int8Source } from "../bert/dtype.ts";
import { Model } from "../bert/model.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { hashOf, Random } from "../engine/random.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { ReadTensor } from "./peers/peer.ts";

/** The model owns the backend from here on. */
export function randomModel(
  config: BertConfig,
  taper: TaperConfig,
  backend: InferenceBackend,
  seed: number,
  dtype: Dtype = "f32",
): Model {
  return modelOf(config, taper, backend, randomWeights(seed), dtype);
}

/** A model of parameters that `read` gives by name and shape. It owns the backend from here on. */
export function modelOf(
  config: BertConfig,
  taper: TaperConfig,
  backend: InferenceBackend,
  read: ReadTensor,
  dtype: Dtype = "f32",
): Model {
  try {
    const floats = parameterSource(backend, read);
    return new Model(buildBert(config, taper, dtype === "int8" ? int8Source(floats, backend, read) : floats), backend);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/**
 * The values of any parameter by name and shape, of a model that `randomModel` makes from this seed: BERT's initialisation, from a supply of
 * normal numbers that starts over and over, as 110 million fresh ones take longer than the bench. Each name begins elsewhere in it: onnxruntime
 * packs equal matrices once, and a model whose layers were all equal would stay in its caches.
 */
export function randomWeights(seed: number): ReadTensor {
  const random = new Random(seed);
  // A prime, so that no two rows of a matrix are equal.
  const supply = Float32Array.from({ length: 65_521 }, () => 0.02 * random.normal());
  return (name, shape) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) return name.endsWith("weight") ? values.fill(1) : values;
    const first = supply.subarray(hashOf(name) % supply.length).subarray(0, values.length);
    values.set(first);
    for (let i = first.length; i < values.length; i += supply.length)
      values.set(supply.subarray(0, values.length - i), i);
    return values;
  };
}

/** A text of `tokens` random ids. */
export function randomText(tokens: number, vocabulary: number, seed: number): TokenIds {
  const random = new Random(seed);
  const ids = Array.from({ length: tokens }, () => random.integer(vocabulary));
  return { ids, segments: ids.map(() => 0) };
}
