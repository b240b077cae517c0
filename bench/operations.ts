/**
 * What one text's passage through a model executes, operation by operation, by formula: each kernel's own cost at the sizes that the
 * trace tells, with the layer and the part that it belongs to. Sums of these are every GFLOPs table here; counting a real forward
 * (kernels/counting.ts) must give the same sums. It runs nothing.
 */
import type { BertConfig } from "../bert/config.ts";
import type { Passage } from "../bert/macs.ts";
import { attention } from "../kernels/attention/contract.ts";
import type { Cost } from "../kernels/contract.ts";
import { embed } from "../kernels/embed/contract.ts";
import { gelu } from "../kernels/gelu/contract.ts";
import { layerNorm } from "../kernels/layer-norm/contract.ts";
import { matmul } from "../kernels/matmul/contract.ts";

/** In the order in which a text meets them. `scores` is Q·Kᵀ with its softmax, `pooler` the model's own last head, classifier included. */
export const partNames = [
  "embeddings",
  "predictor",
  "qkv",
  "scores",
  "mix",
  "attentionOut",
  "feedForward",
  "exitHead",
  "pooler",
] as const;
export type PartName = (typeof partNames)[number];

/** What tables call them. */
export const partTitles: Readonly<Record<PartName, string>> = {
  embeddings: "embeddings",
  predictor: "skim predictors",
  qkv: "Q, K, V",
  scores: "scores",
  mix: "mix",
  attentionOut: "attention output",
  feedForward: "feed-forward",
  exitHead: "exit heads",
  pooler: "pooler, classifier",
};

/** The parts of the dense model's layers: the encoder. */
export const encoderParts: readonly PartName[] = ["qkv", "scores", "mix", "attentionOut", "feedForward"];

export interface Operation {
  /** From 0; undefined for embeddings and the model's own head. */
  readonly layer?: number;
  readonly part: PartName;
  readonly macs: number;
  /** Values that element-wise work touches: normalisations, activations, exponentials, biases and residuals. */
  readonly elements: number;
}

/** The operations of one text. `predictorWidth` is 0 for a model without predictors. */
export function operationsOf(config: BertConfig, predictorWidth: number, passage: Passage): Operation[] {
  const { d, layers, labels } = config;
  const last = layers - 1;
  const operations: Operation[] = [];
  const run = (
    part: PartName,
    layer: number | undefined,
    ...costs: readonly Pick<Cost, "macs" | "elements">[]
  ): void => {
    for (const { macs, elements } of costs)
      operations.push({ part, macs, elements, ...(layer !== undefined && { layer }) });
  };
  const { vocabulary, maxPositions, types } = config;
  const n = passage.length;
  run("embeddings", undefined, embed.cost({ n, d, vocabulary, maxPositions, types }), layerNorm.cost({ n, d }));
  for (let l = 0; l < layers; l++) {
    if (passage.scored[l] > 0) run("predictor", l, ...predictorCosts(passage.scored[l], d, predictorWidth));
    if (passage.attended[l] > 0) layerOperations(config, l, passage.attended[l], passage.fed[l], run);
    if (passage.heads[l] > 0 && l < last) run("exitHead", l, ...headCosts(d, labels.length));
  }
  if (passage.heads[last] > 0) run("pooler", undefined, ...taskHeadCosts(config, n));
  return operations;
}

type Run = (part: PartName, layer: number, ...costs: readonly Pick<Cost, "macs" | "elements">[]) => void;

function layerOperations({ d, h, f }: BertConfig, l: number, attended: number, fed: number, run: Run): void {
  const products = attention.cost({ n: attended, d, h, texts: 1, pairs: attended ** 2 });
  run("qkv", l, matmul.cost({ n: attended, k: d, m: 3 * d }));
  run("scores", l, { macs: products.macs / 2, elements: products.elements });
  run("mix", l, { macs: products.macs / 2, elements: 0 });
  run("attentionOut", l, matmul.cost({ n: attended, k: d, m: d }), layerNorm.cost({ n: attended, d }));
  run("feedForward", l, matmul.cost({ n: fed, k: d, m: f }), matmul.cost({ n: fed, k: f, m: d }));
  run("feedForward", l, layerNorm.cost({ n: fed, d }));
}

function predictorCosts(n: number, d: number, width: number): Cost[] {
  const norms = [layerNorm.cost({ n, d }), layerNorm.cost({ n, d: width })];
  return [
    ...norms,
    matmul.cost({ n, k: d, m: width }),
    gelu.cost({ length: n * width }),
    matmul.cost({ n, k: width, m: 2 }),
  ];
}

function headCosts(d: number, c: number): Cost[] {
  return [matmul.cost({ n: 1, k: d, m: d }), matmul.cost({ n: 1, k: d, m: c })];
}

function taskHeadCosts({ task, d, labels }: BertConfig, n: number): Cost[] {
  if (task === "sequence-classification") return headCosts(d, labels.length);
  if (task === "token-classification") return [matmul.cost({ n, k: d, m: labels.length })];
  if (task === "question-answering") return [matmul.cost({ n, k: d, m: 2 })];
  return [];
}

/** The passage of a text through the dense model. */
export function densePassage(layers: number, length: number): Passage {
  const everyRow = new Array<number>(layers).fill(length);
  const heads = everyRow.map((_, l) => (l === layers - 1 ? 1 : 0));
  return { length, attended: everyRow, fed: everyRow, scored: new Array<number>(layers).fill(0), heads };
}
