/** A small BERT with random weights and every part it can narrow with: enough spread in its scores that rows really leave. */
import type { Bert } from "../../bert/bert.ts";
import { buildBert } from "../../bert/build.ts";
import { type BertConfig, configOfShape } from "../../bert/config.ts";
import { Model, type ModelOptions } from "../../bert/model.ts";
import type { TaperConfig } from "../../bert/taper-config.ts";
import { Random } from "../../engine/random.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { randomSource } from "./random-weights.ts";

export const smallConfig: BertConfig = configOfShape(
  { layers: 3, d: 24, h: 2, f: 40 },
  { vocabulary: 50, maxPositions: 40, labels: ["no", "yes", "maybe"] },
);

export const everyPart: TaperConfig = {
  skim: { predictorWidth: 6, attentionThresholds: [0.03, 0.05, 0.08] },
  exit: { heads: true },
  dials: { skim: false, exit: false },
};

export function randomBert(
  backend: InferenceBackend,
  seed: number,
  config: BertConfig = smallConfig,
  taper: TaperConfig = everyPart,
): Bert {
  return buildBert(config, taper, randomSource(backend, new Random(seed), 0.3));
}

export function randomModel(
  backend: InferenceBackend,
  seed: number,
  config: BertConfig = smallConfig,
  options: ModelOptions = {},
): Model {
  const taper = config.task === "sequence-classification" ? everyPart : { skim: everyPart.skim! };
  return new Model(randomBert(backend, seed, config, taper), backend, undefined, options);
}

/** Token ids of `texts` random texts of 1 … longest tokens. */
export function randomIds(random: Random, texts: number, config: BertConfig = smallConfig, longest = 20): number[][] {
  return Array.from({ length: texts }, () =>
    Array.from({ length: 1 + random.integer(longest) }, () => random.integer(config.vocabulary)),
  );
}
