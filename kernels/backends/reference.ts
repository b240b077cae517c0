/**
 * The oracle: every kernel in float64 on ndarray, as its contract says it and no faster. Tests compare the other backends with it.
 * ndarray builds code from strings, so this file must stay out of the default import path; load it by `import()`.
 */
import { accumulate, add } from "../add/reference.ts";
import { attention, attentionGradient } from "../attention/reference.ts";
import { blend, blendGradient } from "../blend/reference.ts";
import { crossEntropy, crossEntropyGradient } from "../cross-entropy/reference.ts";
import { distillation, distillationGradient } from "../distillation/reference.ts";
import { dropout, dropoutGradient } from "../dropout/reference.ts";
import { embed } from "../embed/reference.ts";
import { gather, gatherGradient } from "../gather/reference.ts";
import { gelu, geluGradient } from "../gelu/reference.ts";
import type { Forms, TrainingBackend, TrainingOps } from "../index.ts";
import { keepMask, keepMaskGradient } from "../keep-mask/reference.ts";
import { layerNorm, layerNormGradient } from "../layer-norm/reference.ts";
import { matmul, matmulInputGradient, matmulWeightGradient } from "../matmul/reference.ts";
import { matmulInt8, packInt8 } from "../matmul-int8/reference.ts";
import type { ReferenceHandle } from "../nd.ts";
import { scatter } from "../scatter/reference.ts";
import { softmax, softmaxGradient } from "../softmax/reference.ts";
import { tanh, tanhGradient } from "../tanh/reference.ts";
import { thresholdMask, thresholdMaskGradient } from "../threshold-mask/reference.ts";
import { arrayBackend, copy } from "./arrays.ts";

export const referenceForms = {
  matmul,
  matmulInt8,
  attention,
  softmax,
  layerNorm,
  gelu,
  tanh,
  embed,
  gather,
  scatter,
  add,
  blend,
  matmulInputGradient,
  matmulWeightGradient,
  attentionGradient,
  softmaxGradient,
  layerNormGradient,
  geluGradient,
  tanhGradient,
  gatherGradient,
  accumulate,
  blendGradient,
  keepMask,
  keepMaskGradient,
  thresholdMask,
  thresholdMaskGradient,
  crossEntropy,
  crossEntropyGradient,
  distillation,
  distillationGradient,
  dropout,
  dropoutGradient,
} satisfies Forms<TrainingOps<ReferenceHandle>>;

export interface ReferenceBackend extends TrainingBackend<ReferenceHandle> {
  /** A copy of all values in float64, where `read` rounds to float32. */
  readExact(handle: ReferenceHandle): Float64Array;
}

/** A new reference backend. Buffers are Float64Array; packed weights are plain row-major [k, m]. */
export function referenceBackend(): ReferenceBackend {
  const backend = arrayBackend<Float64Array, TrainingOps<ReferenceHandle>>({
    name: "reference",
    variant: "float64",
    floats: (length) => new Float64Array(length),
    pack: (matrix) => {
      const packed = new Float64Array(matrix.shape[0] * matrix.shape[1]);
      copy(matrix, packed);
      return packed;
    },
    packInt8,
    forms: referenceForms,
  });
  const readExact = (handle: ReferenceHandle): Float64Array => {
    backend.read(handle, 0); // refuses a handle that is gone
    return Float64Array.from(handle.data);
  };
  return { ...backend, readExact };
}
