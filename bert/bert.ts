/** A BERT with whatever parts it has to narrow with: parameters that live on one backend, and nothing that runs. */

import type { ExitHead } from "../exit/head.ts";
import type { Linear } from "../kernels/linear.ts";
import type { SkimPredictor } from "../skim/predictor.ts";
import type { BertConfig } from "./config.ts";
import type { Abilities, Dials } from "./dials.ts";
import type { BertParameters } from "./parameters.ts";

/** What reads the encoder's last states. */
export type TaskHead =
  | { readonly reads: "cls"; readonly head: ExitHead }
  | { readonly reads: "tokens"; readonly classifier: Linear }
  | { readonly reads: "nothing" };

export interface Bert {
  readonly config: BertConfig;
  readonly parameters: BertParameters;
  readonly taskHead: TaskHead;
  /** One before each layer (Transkimmer). */
  readonly predictors?: readonly SkimPredictor[];
  /** θ_l, one for each layer (Magic Pyramid). */
  readonly attentionThresholds?: readonly number[];
  /** One after each layer but the last. */
  readonly exitHeads?: readonly ExitHead[];
  readonly defaults: Dials;
}

export function abilitiesOf(bert: Bert): Abilities {
  return {
    predictors: bert.predictors !== undefined,
    attentionThresholds: bert.attentionThresholds !== undefined,
    exitHeads: bert.exitHeads !== undefined && bert.taskHead.reads === "cls",
  };
}

/** Width of the skim predictors; 0 without any. */
export function predictorWidthOf(bert: Bert): number {
  return bert.predictors?.[0].width ?? 0;
}
