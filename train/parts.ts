/** The parts of a training config: what each part of a model that narrows needs to be told in order to learn. Parts of the run are in 0 … 1. */
import type { Reader } from "./reader.ts";

/** How the predictors learn. */
export interface SkimTraining {
  /** Rows of each predictor's first Linear. */
  readonly predictorWidth: number;
  /** A model directory whose predictors these start as: long texts tell them little, what short ones taught carries over. */
  readonly predictors: string | undefined;
  /** λ: what a kept row costs. */
  readonly weight: number;
  /** How much less a row costs in each further layer; 1, as published: all alike. Texts that exit early never reach the later ones. */
  readonly decay: number;
  /** The part of the run before which nobody is skimmed. A model that has learned densely adapts badly: 0 is the best found. */
  readonly from: number;
  /** The part of the run over which λ rises. */
  readonly ramp: number;
  /** The mean kept ratio below which keeping is free; 0: never. */
  readonly target: number;
  /** Of the Gumbel-softmax gradient. */
  readonly temperature: number;
  /** The predictors' first bias: +b to keep, −b to skim. At 5, as published, hardly any gradient ever flows. */
  readonly biasStart: number;
  /** The part of the steps that run dense, so that the model goes on answering well without skimming. */
  readonly denseShare: number;
}

/** How rows leave by the attention that they received (Learned Token Pruning; Magic Pyramid's width). */
export interface ThresholdTraining {
  /** soft: gates σ((importance − θ_l)/T), and θ learns. hard: θ is that of `from`, the step decides, and the rest goes on learning. */
  readonly stage: "soft" | "hard";
  /** T. Held-out figures are taken with the step in both stages. */
  readonly temperature: number;
  /** λ: what an open gate costs. */
  readonly weight: number;
  /** θ_l starts at start · l / L, l from 0, unless `from` has thresholds already. */
  readonly start: number;
  /** The mean kept ratio below which keeping is free; 0: never. */
  readonly target: number;
  /** Of θ alone, which is a hundred times smaller than a weight; it follows the schedule of all, and is left out of the norm that clips. */
  readonly learningRate: number;
}

/** How the exit heads learn. */
export interface ExitTraining {
  /** Weight of what the labels (and the teacher, if there is one) say, all heads together. */
  readonly labels: number;
  /** Weight of the divergence from the last head's answer, all heads together. */
  readonly distillation: number;
  /** How much less each further head counts; 1: all alike. Most texts should be answered by the first ones. */
  readonly decay: number;
  /** Whether their gradients go on into the encoder. */
  readonly intoEncoder: boolean;
}

/** Dense models, or a bag of bigrams, whose answers are learned beside the labels: of several, the mean of their log-probabilities. */
export interface TeacherTraining {
  /** Their model directories; "bigrams": a bag of bigrams that learns from the run's own labelled texts (recipe classify). In a config, one of them may stand without a list. */
  readonly from: readonly string[];
  /** w: what is learned is (1 − w) · cross-entropy with the labels + w · divergence from the teacher. */
  readonly weight: number;
  /** T: both sides' logits are divided by it. */
  readonly temperature: number;
}

/** Learning to guess hidden tokens, by a sampled softmax. */
export interface MlmTraining {
  /** The part of tokens to hide. */
  readonly maskRatio: number;
  /** Random candidates of the sampled softmax, beside the hidden tokens, per worker. */
  readonly negatives: number;
}

export function parseSkim(top: Reader): SkimTraining | undefined {
  const names = [
    "predictorWidth",
    "predictors",
    "weight",
    "decay",
    "from",
    "ramp",
    "target",
    "temperature",
    "biasStart",
    "denseShare",
  ];
  const part = top.optionalPart("skim", names);
  return (
    part && {
      predictorWidth: part.number("predictorWidth", 16, 1, 1e5, true),
      predictors: part.text("predictors"),
      weight: part.number("weight", 0.5, 0, 1e6),
      decay: part.number("decay", 1, 0, 1),
      from: part.number("from", 0, 0, 1),
      ramp: part.number("ramp", 0.6, 0, 1),
      target: part.number("target", 0, 0, 1),
      temperature: part.number("temperature", 1, 0.01, 100),
      biasStart: part.number("biasStart", 1, -10, 10),
      denseShare: part.number("denseShare", 0, 0, 1),
    }
  );
}

export function parseThreshold(top: Reader): ThresholdTraining | undefined {
  const part = top.optionalPart("threshold", ["stage", "temperature", "weight", "start", "target", "learningRate"]);
  if (part === undefined) return undefined;
  const temperature = part.number("temperature", 1e-3, 1e-6, 1);
  return {
    stage: part.one("stage", ["soft", "hard"]),
    temperature,
    weight: part.number("weight", 0.05, 0, 1e6),
    start: part.number("start", 0.01, 0, 1),
    target: part.number("target", 0, 0, 1),
    // A step of the optimiser moves θ by about this much, whatever its gradient: a small part of the width of the gate.
    learningRate: part.number("learningRate", temperature / 20, 0, 1),
  };
}

export function parseExit(top: Reader): ExitTraining | undefined {
  const part = top.optionalPart("exit", ["labels", "distillation", "decay", "intoEncoder"]);
  return (
    part && {
      labels: part.number("labels", 0.5, 0, 1e6),
      distillation: part.number("distillation", 0.5, 0, 1e6),
      decay: part.number("decay", 1, 0, 1),
      intoEncoder: part.flag("intoEncoder", true),
    }
  );
}

export function parseTeacher(top: Reader): TeacherTraining | undefined {
  const part = top.optionalPart("teacher", ["from", "weight", "temperature"]);
  if (part === undefined) return undefined;
  const from = part.textOrTexts("from");
  if (from.length === 0) throw part.error("from", `the directory of a model, "bigrams", or a list of them`);
  return { from, weight: part.number("weight", 0.5, 0, 1), temperature: part.number("temperature", 1, 0.05, 100) };
}

export function parseMlm(top: Reader): MlmTraining {
  const part = top.part("mlm", ["maskRatio", "negatives"]);
  return {
    maskRatio: part.number("maskRatio", 0.35, 0.01, 0.9),
    negatives: part.number("negatives", 2048, 1, 1e7, true),
  };
}
