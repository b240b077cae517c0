/** Parameters that nobody trained. Seeded, so they can be had again. */

import { parameterSource } from "../../bert/checkpoint.ts";
import type { ParameterSource } from "../../bert/parameters.ts";
import type { Random } from "../../engine/random.ts";
import type { InferenceBackend } from "../../kernels/index.ts";

/** BERT's initialisation: N(0, scale) weights, zero biases, normalisations that do nothing. `scale` defaults to 0.02. */
export function randomSource(backend: InferenceBackend, random: Random, scale = 0.02): ParameterSource {
  return parameterSource(backend, (name, shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    if (shape.length === 1 && name.endsWith("weight")) return new Float32Array(size).fill(1);
    if (name.endsWith("bias")) return new Float32Array(size);
    return Float32Array.from({ length: size }, () => scale * random.normal());
  });
}
