/** The operations that a tape can record, each with its backward rule. An operation without a rule does not compile here. */
import { addBackward } from "../kernels/add/backward.ts";
import { attentionBackward } from "../kernels/attention/backward.ts";
import type { Backward } from "../kernels/backward.ts";
import { blendBackward } from "../kernels/blend/backward.ts";
import { crossEntropyBackward } from "../kernels/cross-entropy/backward.ts";
import { distillationBackward } from "../kernels/distillation/backward.ts";
import { dropoutBackward } from "../kernels/dropout/backward.ts";
import { embedBackward } from "../kernels/embed/backward.ts";
import { gatherBackward } from "../kernels/gather/backward.ts";
import { geluBackward } from "../kernels/gelu/backward.ts";
import { type InferenceOps, inferenceContracts, type TrainingOps, trainingContracts } from "../kernels/index.ts";
import { keepMaskBackward } from "../kernels/keep-mask/backward.ts";
import { layerNormBackward } from "../kernels/layer-norm/backward.ts";
import { matmulBackward } from "../kernels/matmul/backward.ts";
import { softmaxBackward } from "../kernels/softmax/backward.ts";
import { tanhBackward } from "../kernels/tanh/backward.ts";
import { thresholdMaskBackward } from "../kernels/threshold-mask/backward.ts";

/** What a model and its losses may ask of a tape. `scatter` and `matmulInt8` are in the list because models know them; a tape refuses both. */
export type TapeOps = InferenceOps &
  Pick<TrainingOps, "keepMask" | "thresholdMask" | "crossEntropy" | "distillation" | "dropout">;
export type RecordedName = Exclude<keyof TapeOps, "scatter" | "matmulInt8">;

export const rules: { readonly [K in RecordedName]: Backward<K> } = {
  matmul: matmulBackward,
  attention: attentionBackward,
  softmax: softmaxBackward,
  layerNorm: layerNormBackward,
  gelu: geluBackward,
  tanh: tanhBackward,
  embed: embedBackward,
  gather: gatherBackward,
  add: addBackward,
  blend: blendBackward,
  keepMask: keepMaskBackward,
  thresholdMask: thresholdMaskBackward,
  crossEntropy: crossEntropyBackward,
  distillation: distillationBackward,
  dropout: dropoutBackward,
};

/** A contract as the tape walks it. */
export interface WalkedContract {
  readonly operands: readonly (readonly [name: string, role: string, shape: (sizes: unknown) => readonly number[]])[];
  readonly macs: (sizes: unknown) => number;
}

export const walkedContracts: Readonly<Record<string, WalkedContract>> = Object.fromEntries(
  [...inferenceContracts, ...trainingContracts].map((contract) => {
    const operands = Object.entries(contract.operands).map(
      ([name, { role, shape }]) => [name, role, shape as (sizes: unknown) => readonly number[]] as const,
    );
    const cost = contract.cost as (sizes: unknown) => { macs: number };
    return [contract.name, { operands, macs: (sizes: unknown) => cost(sizes).macs }];
  }),
);
