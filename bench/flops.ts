/**
 * What a model would execute for one text, by layer and part, with nothing skimmed and no exit. The formulas are those of
 * bert/macs.ts, exit/head.ts and skim/predictor.ts; nothing is counted anew here. 1 MAC = 2 FLOPs.
 */
import type { BertConfig } from "../bert/config.ts";
import { denseEncoderMacs, type LayerMacs, layerMacs, taskHeadMacs } from "../bert/macs.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import { headMacs } from "../exit/head.ts";
import { predictorMacs } from "../skim/predictor.ts";

/** Multiply–accumulates and floating point operations of the same products. */
export interface Cost {
  readonly macs: number;
  readonly flops: number;
}

export type Part = keyof LayerMacs | "predictor" | "exitHead";

/** In the order in which a layer runs them. */
export const parts: readonly Part[] = ["predictor", "qkv", "scores", "mix", "attentionOut", "feedForward", "exitHead"];

export interface LayerCost extends Cost {
  /** Counted from 1. */
  readonly layer: number;
  readonly parts: Readonly<Record<Part, Cost>>;
}

export interface ModelCost {
  readonly tokens: number;
  /** Look-ups and sums: no products. */
  readonly embeddings: Cost;
  readonly layers: readonly LayerCost[];
  /** The layers of the dense model: predictors and exit heads apart. */
  readonly encoder: Cost;
  /** Predictors and exit heads of all layers. */
  readonly overhead: Cost;
  /** The model's own last head; for classification pooler and classifier. */
  readonly head: Cost;
  readonly total: Cost;
}

export const cost = (macs: number): Cost => ({ macs, flops: 2 * macs });

/** Operations in units of 10⁹ FLOPs. */
export const gflops = (macs: number): number => (2 * macs) / 1e9;

/** The cost of one text of `tokens` tokens, special tokens included. `taper` absent: a dense model. */
export function modelCost(config: BertConfig, tokens: number, taper: TaperConfig = {}): ModelCost {
  const { d, layers, labels } = config;
  const predictor = tokens * predictorMacs(d, taper.skim?.predictorWidth ?? 0);
  const byLayer = Array.from({ length: layers }, (_, l): LayerCost => {
    const exitHead = taper.exit?.heads && l < layers - 1 ? headMacs(d, labels.length) : 0;
    const macs = { predictor, ...layerMacs(config, tokens, tokens), exitHead };
    const all = parts.reduce((sum, part) => sum + macs[part], 0);
    const costs = Object.fromEntries(parts.map((part) => [part, cost(macs[part])])) as Record<Part, Cost>;
    return { layer: l + 1, parts: costs, ...cost(all) };
  });
  const encoder = denseEncoderMacs(config, tokens);
  const withOverhead = byLayer.reduce((sum, layer) => sum + layer.macs, 0);
  const head = taskHeadMacs(config, tokens);
  return {
    tokens,
    embeddings: cost(0),
    layers: byLayer,
    encoder: cost(encoder),
    overhead: cost(withOverhead - encoder),
    head: cost(head),
    total: cost(withOverhead + head),
  };
}
