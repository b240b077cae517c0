/** Puts together a `Bert` from a config, what `taperbert.json` says it can do, and a source of parameters. */
import { TaperError } from "../engine/errors.ts";
import type { Bert, TaskHead } from "./bert.ts";
import type { BertConfig } from "./config.ts";
import { bertParameters, exitHead, finalHead, linear, type ParameterSource, skimPredictor } from "./parameters.ts";
import type { TaperConfig } from "./taper-config.ts";

export function buildBert(config: BertConfig, taper: TaperConfig, source: ParameterSource): Bert {
  const { d, layers, labels } = config;
  const width = taper.skim?.predictorWidth;
  const thresholds = taper.skim?.attentionThresholds;
  const byLayer = <T>(count: number, make: (l: number) => T): T[] => Array.from({ length: count }, (_, l) => make(l));
  if (taper.exit?.heads && config.task !== "sequence-classification") {
    throw new TaperError(
      "ERR_CONFIG",
      `exit heads answer from [CLS] and need a sequence-classification model; this one is for ${config.task}.`,
    );
  }
  if (taper.exit?.heads && config.multiLabel) {
    throw new TaperError(
      "ERR_CONFIG",
      "exit heads are sure of one label; labels that do not exclude each other (problem_type) have no early exit.",
    );
  }
  return {
    config,
    parameters: bertParameters(source, config),
    taskHead: taskHead(config, source),
    ...(width !== undefined && { predictors: byLayer(layers, (l) => skimPredictor(source, d, width, l)) }),
    ...(thresholds !== undefined && { attentionThresholds: thresholds }),
    ...(taper.exit?.heads && { exitHeads: byLayer(layers - 1, (l) => exitHead(source, d, labels.length, l)) }),
    defaults: taper.dials ?? { skim: false, exit: false },
  };
}

function taskHead({ task, d, labels, poolerActivation }: BertConfig, source: ParameterSource): TaskHead {
  if (task === "sequence-classification") {
    const head = finalHead(source, d, labels.length);
    return { reads: "cls", head: poolerActivation === undefined ? head : { ...head, activation: poolerActivation } };
  }
  if (task === "token-classification")
    return { reads: "tokens", classifier: linear(source, "classifier", labels.length, d) };
  if (task === "question-answering") return { reads: "tokens", classifier: linear(source, "qa_outputs", 2, d) };
  return { reads: "nothing" };
}
