/**
 * The training kernels that have a scalar form: the small ones, on which no vector unit would earn a second form.
 * A backend that trains runs them over its own memory, by handles that show it as typed arrays.
 */
import { accumulate } from "../add/scalar.ts";
import { blendGradient } from "../blend/scalar.ts";
import { crossEntropy, crossEntropyGradient } from "../cross-entropy/scalar.ts";
import { distillation, distillationGradient } from "../distillation/scalar.ts";
import { dropout, dropoutGradient } from "../dropout/scalar.ts";
import { gatherGradient } from "../gather/scalar.ts";
import type { Forms, TrainingOps } from "../index.ts";
import { keepMask, keepMaskGradient } from "../keep-mask/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import { softmaxGradient } from "../softmax/scalar.ts";
import { tanhGradient } from "../tanh/scalar.ts";
import { thresholdMask, thresholdMaskGradient } from "../threshold-mask/scalar.ts";

export const scalarTrainingForms = {
  softmaxGradient,
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
} satisfies Partial<Forms<TrainingOps<ScalarHandle>>>;
