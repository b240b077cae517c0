/**
 * The list of kernels: inference, and what training adds. Everything that must hold for all kernels walks these two lists;
 * a backend's table `satisfies Forms<InferenceOps<…>>` (or TrainingOps), so a kernel without a form does not compile.
 */
import type { Backend, Handle } from "../engine/backend.ts";
import { type AccumulateArgs, type AddArgs, accumulate, add } from "./add/contract.ts";
import { type AttentionArgs, attention } from "./attention/contract.ts";
import { type AttentionGradientArgs, attentionGradient } from "./attention/gradient-contract.ts";
import { type BlendArgs, type BlendGradientArgs, blend, blendGradient } from "./blend/contract.ts";
import {
  type CrossEntropyArgs,
  type CrossEntropyGradientArgs,
  crossEntropy,
  crossEntropyGradient,
} from "./cross-entropy/contract.ts";
import {
  type DistillationArgs,
  type DistillationGradientArgs,
  distillation,
  distillationGradient,
} from "./distillation/contract.ts";
import { type DropoutArgs, type DropoutGradientArgs, dropout, dropoutGradient } from "./dropout/contract.ts";
import { type EmbedArgs, embed } from "./embed/contract.ts";
import { type GatherArgs, type GatherGradientArgs, gather, gatherGradient } from "./gather/contract.ts";
import { type GeluArgs, type GeluGradientArgs, gelu, geluGradient } from "./gelu/contract.ts";
import { type KeepMaskArgs, type KeepMaskGradientArgs, keepMask, keepMaskGradient } from "./keep-mask/contract.ts";
import { type LayerNormArgs, type LayerNormGradientArgs, layerNorm, layerNormGradient } from "./layer-norm/contract.ts";
import { type MatmulArgs, matmul } from "./matmul/contract.ts";
import {
  type MatmulInputGradientArgs,
  type MatmulWeightGradientArgs,
  matmulInputGradient,
  matmulWeightGradient,
} from "./matmul/gradient-contract.ts";
import { type MatmulInt8Args, matmulInt8 } from "./matmul-int8/contract.ts";
import { type ScatterArgs, scatter } from "./scatter/contract.ts";
import { type SoftmaxArgs, type SoftmaxGradientArgs, softmax, softmaxGradient } from "./softmax/contract.ts";
import { type TanhArgs, type TanhGradientArgs, tanh, tanhGradient } from "./tanh/contract.ts";
import {
  type ThresholdMaskArgs,
  type ThresholdMaskGradientArgs,
  thresholdMask,
  thresholdMaskGradient,
} from "./threshold-mask/contract.ts";

export const inferenceContracts = [
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
] as const;

export const trainingContracts = [
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
] as const;

/** The operations of a forward by name, with their arguments; each kernel's `contract.ts` defines one. */
export interface InferenceOps<H = Handle> {
  matmul: MatmulArgs<H>;
  matmulInt8: MatmulInt8Args<H>;
  attention: AttentionArgs<H>;
  softmax: SoftmaxArgs<H>;
  layerNorm: LayerNormArgs<H>;
  gelu: GeluArgs<H>;
  tanh: TanhArgs<H>;
  embed: EmbedArgs<H>;
  gather: GatherArgs<H>;
  scatter: ScatterArgs<H>;
  add: AddArgs<H>;
  blend: BlendArgs<H>;
}

export interface TrainingOps<H = Handle> extends InferenceOps<H> {
  matmulInputGradient: MatmulInputGradientArgs<H>;
  matmulWeightGradient: MatmulWeightGradientArgs<H>;
  attentionGradient: AttentionGradientArgs<H>;
  softmaxGradient: SoftmaxGradientArgs<H>;
  layerNormGradient: LayerNormGradientArgs<H>;
  geluGradient: GeluGradientArgs<H>;
  tanhGradient: TanhGradientArgs<H>;
  gatherGradient: GatherGradientArgs<H>;
  accumulate: AccumulateArgs<H>;
  blendGradient: BlendGradientArgs<H>;
  keepMask: KeepMaskArgs<H>;
  keepMaskGradient: KeepMaskGradientArgs<H>;
  thresholdMask: ThresholdMaskArgs<H>;
  thresholdMaskGradient: ThresholdMaskGradientArgs<H>;
  crossEntropy: CrossEntropyArgs<H>;
  crossEntropyGradient: CrossEntropyGradientArgs<H>;
  distillation: DistillationArgs<H>;
  distillationGradient: DistillationGradientArgs<H>;
  dropout: DropoutArgs<H>;
  dropoutGradient: DropoutGradientArgs<H>;
}

/** A form per kernel: a plain function of its arguments, whose buffers are of the backend's own type. */
export type Forms<Ops> = { readonly [K in keyof Ops]: (args: Ops[K]) => void };

/** A backend that can run a forward. */
export type InferenceBackend<H extends Handle = Handle> = Backend<InferenceOps<H>, H>;
/** A backend that can also learn. */
export type TrainingBackend<H extends Handle = Handle> = Backend<TrainingOps<H>, H>;

export type InferenceKernelName = keyof InferenceOps;
export type TrainingKernelName = keyof TrainingOps;

// Both directions: every listed contract has argument types, and every argument type has a listed contract.
type Listed = (typeof inferenceContracts)[number]["name"];
type ListedTraining = (typeof trainingContracts)[number]["name"];
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export type EveryKernelIsListed = [
  Same<Listed, InferenceKernelName>,
  Same<ListedTraining | Listed, TrainingKernelName>,
];
export const everyKernelIsListed: EveryKernelIsListed = [true, true];
