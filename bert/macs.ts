/**
 * The arithmetic of a forward by formula: multiply–accumulates of every product, from the numbers of rows that met it.
 * A test holds these equal to what the kernels' contracts count as they run. 1 MAC = 2 FLOPs.
 */
import { headMacs } from "../exit/head.ts";
import { predictorMacs } from "../skim/predictor.ts";
import type { BertConfig, BertShape } from "./config.ts";

/** Products of one layer when `attended` rows of one text enter attention and `fed` of them its feed-forward part. */
export function layerMacs({ d, f }: Pick<BertShape, "d" | "f">, attended: number, fed: number): LayerMacs {
  return {
    qkv: 3 * d * d * attended,
    scores: d * attended * attended,
    mix: d * attended * attended,
    attentionOut: d * d * attended,
    feedForward: 2 * d * f * fed,
  };
}

export interface LayerMacs {
  readonly qkv: number;
  readonly scores: number;
  readonly mix: number;
  readonly attentionOut: number;
  readonly feedForward: number;
}

export function sumOfParts(parts: LayerMacs): number {
  return parts.qkv + parts.scores + parts.mix + parts.attentionOut + parts.feedForward;
}

/** The encoder of a dense forward over one text of `n` tokens; embeddings and heads apart. */
export function denseEncoderMacs(shape: Pick<BertShape, "layers" | "d" | "f">, n: number): number {
  return shape.layers * sumOfParts(layerMacs(shape, n, n));
}

/** The task's own last head for one text of `n` tokens. */
export function taskHeadMacs({ task, d, labels }: Pick<BertConfig, "task" | "d" | "labels">, n: number): number {
  if (task === "sequence-classification") return headMacs(d, labels.length);
  if (task === "token-classification") return n * d * labels.length;
  if (task === "question-answering") return n * d * 2;
  return 0;
}

/** What one text met on its way, by layer. */
export interface Passage {
  readonly length: number;
  readonly attended: readonly number[];
  readonly fed: readonly number[];
  readonly scored: readonly number[];
  /** 1 where an exit head (or, at the last layer, the model's own head) was run. */
  readonly heads: readonly number[];
}

/** Everything that was executed for one text, overheads (predictors and exit heads) included and also apart. */
export function passageMacs(
  config: BertConfig,
  predictorWidth: number,
  passage: Passage,
): { macs: number; denseMacs: number; overheadMacs: number } {
  const { d, layers } = config;
  const last = layers - 1;
  let overheadMacs = 0;
  let macs = 0;
  for (let l = 0; l < layers; l++) {
    // Who is gone stays away.
    if (passage.scored[l] === 0 && passage.attended[l] === 0) break;
    macs += sumOfParts(layerMacs(config, passage.attended[l], passage.fed[l]));
    overheadMacs += passage.scored[l] * predictorMacs(d, predictorWidth);
    if (l < last) overheadMacs += passage.heads[l] * headMacs(d, config.labels.length);
  }
  if (passage.heads[last] > 0) macs += taskHeadMacs(config, passage.length);
  return {
    macs: macs + overheadMacs,
    denseMacs: denseEncoderMacs(config, passage.length) + taskHeadMacs(config, passage.length),
    overheadMacs,
  };
}
