/**
 * What a training run is: one JSON object, checked whole before anything starts, with every default filled in. The run directory
 * keeps it, and a run is a function of it, the data and the number of workers. Paths are relative to the working directory.
 */
import { type BertShape, namedShapes } from "../bert/config.ts";
import type { Dials } from "../bert/dials.ts";
import { parseDials } from "../bert/taper-config.ts";
import type { OptimizerConfig } from "./optimizer.ts";
import {
  type ExitTraining,
  type MlmTraining,
  parseExit,
  parseMlm,
  parseSkim,
  parseTeacher,
  parseThreshold,
  type SkimTraining,
  type TeacherTraining,
  type ThresholdTraining,
} from "./parts.ts";
import { Reader } from "./reader.ts";
import { caseNames } from "./truecasing.ts";

/** What may be kept as it is: embeddings and layers; the model's own last head; predictors; exit heads. */
export type Freezable = "encoder" | "classifier" | "predictors" | "exits";

/** Everything that decides a training run, checked and with its defaults filled in; made by `parseTrainConfig`. */
export interface TrainConfig {
  /** mlm: hidden tokens are guessed. classify: a label for a text. tag: a label for a word. */
  readonly recipe: "mlm" | "classify" | "tag";
  /** Of recipe tag: where its labels come from. truecasing: the case of each word of a text that is read in lower case. */
  readonly task: "truecasing" | undefined;
  readonly seed: number;
  /** Of a model that starts from nothing, or grows: with `from`, what that model lacks is made as `grow` says. */
  readonly shape: BertShape | undefined;
  /**
   * Model directories to start from; none: from nothing. Of several, which must have the same tensors, each parameter starts as its mean
   * over them, and the rest is the first one's; with `epochs` 0 that is the model. In a config, one may stand without a list.
   * Source: model soups, https://arxiv.org/abs/2203.05482
   */
  readonly from: readonly string[];
  /** What layers beyond those of `from` start as. draw: as if from nothing. stack: layer l as layer l mod L of `from`'s L layers. */
  readonly grow: "draw" | "stack";
  /** A directory with the vocabulary; the first of `from` unless said. */
  readonly vocabulary: string;
  readonly labels: readonly string[];
  readonly maxPositions: number;
  /** Files of texts with labels (for mlm, of texts). */
  readonly data: readonly string[];
  /** Files of texts whose labels, if they have any, are not looked at: only answers of the teacher or of the last head are learned from them. */
  readonly unlabelled: readonly string[];
  /** So many more texts without labels, each of two halves of labelled ones: splice.ts. Only a teacher's answers are learned from them. */
  readonly splices: number;
  /** At least so many texts are never trained on, the same for every seed; figures are measured on them. Of labelled texts, whole groups: hold-out.ts. */
  readonly holdOut: number;
  readonly limit: number | undefined;
  /** A text is cut to so many tokens; for mlm, into pieces of so many. */
  readonly maxTokens: number;
  /** Over all workers. */
  readonly tokensPerStep: number;
  readonly epochs: number;
  readonly optimizer: OptimizerConfig;
  readonly dropout: number;
  readonly mlm: MlmTraining;
  /** A part of a model is there, and at work while training, exactly if its name is here. */
  readonly skim: SkimTraining | undefined;
  readonly threshold: ThresholdTraining | undefined;
  readonly exit: ExitTraining | undefined;
  readonly teacher: TeacherTraining | undefined;
  /** Parameters that are not updated and get no gradient. A frozen encoder has no dropout, frozen predictors no noise and no λ. */
  readonly freeze: readonly Freezable[];
  /** How the stored parameters are rounded. */
  readonly dtype: "F32" | "F16";
  /** Default dials of the model, for taperbert.json. */
  readonly dials: Dials | undefined;
  /** Steps between measurements on the held-out texts. */
  readonly evaluateEvery: number;
  readonly checkpointMinutes: number;
}

const topNames = [
  ...["recipe", "task", "seed", "shape", "from", "grow", "vocabulary", "labels", "maxPositions", "data", "unlabelled"],
  ...["splices", "holdOut", "limit", "maxTokens", "tokensPerStep", "epochs", "optimizer", "dropout", "mlm", "skim"],
  ...["threshold", "exit", "teacher", "freeze", "dtype", "dials", "evaluateEvery", "checkpointMinutes"],
];

/** Checks a parsed config; `where` names the file. Throws ERR_CONFIG. */
export function parseTrainConfig(json: unknown, where: string): TrainConfig {
  const top = new Reader(json, where, topNames);
  const recipe = top.one("recipe", ["mlm", "classify", "tag"]);
  const from = top.textOrTexts("from");
  const vocabulary = top.text("vocabulary") ?? from.at(0);
  if (vocabulary === undefined) throw top.error("vocabulary", "a directory with vocab.txt");
  const shape = parseShape(top);
  if (shape === undefined && from.length === 0) {
    throw top.error("shape", `"shape" (a new model), "from" (a model directory), or both (a model that grows)`);
  }
  const data = top.texts("data") ?? [];
  const unlabelled = top.texts("unlabelled") ?? [];
  if (data.length + unlabelled.length === 0) throw top.error("data", "a list of data files");
  const optimizer = top.part("optimizer", ["learningRate", "beta1", "beta2", "eps", "weightDecay", "warmup", "clip"]);
  const dials = top.json.dials === undefined ? undefined : parseDials(top.json.dials, where);
  const config: TrainConfig = {
    recipe,
    task: recipe === "tag" ? top.one("task", ["truecasing"]) : undefined,
    seed: top.number("seed", 1, 0, 2 ** 32 - 1, true),
    shape,
    from,
    grow: top.one("grow", ["draw", "stack"], "draw"),
    vocabulary,
    labels: top.texts("labels") ?? (recipe === "tag" ? caseNames : ["LABEL_0", "LABEL_1"]),
    maxPositions: top.number("maxPositions", 512, 8, 1 << 20, true),
    data,
    unlabelled,
    splices: top.number("splices", 0, 0, 1e8, true),
    holdOut: top.number("holdOut", 0, 0, 1e9, true),
    limit: top.json.limit === undefined ? undefined : top.number("limit", 0, 1, 1e9, true),
    maxTokens: top.number("maxTokens", 128, 3, 1 << 20, true),
    tokensPerStep: top.number("tokensPerStep", 4096, 1, 1e8, true),
    epochs: top.number("epochs", 1, 0, 1e6, true),
    optimizer: {
      learningRate: optimizer.number("learningRate", 3e-4, 0, 10),
      beta1: optimizer.number("beta1", 0.9, 0, 0.999999),
      beta2: optimizer.number("beta2", 0.98, 0, 0.999999),
      eps: optimizer.number("eps", 1e-6, 1e-20, 1),
      weightDecay: optimizer.number("weightDecay", 0.01, 0, 1),
      warmup: optimizer.number("warmup", 0.06, 0, 1),
      clip: optimizer.number("clip", 1, 0, 1e9),
    },
    dropout: top.number("dropout", 0.1, 0, 0.9),
    mlm: parseMlm(top),
    skim: parseSkim(top),
    threshold: parseThreshold(top),
    exit: parseExit(top),
    teacher: parseTeacher(top),
    freeze: top.some("freeze", ["encoder", "classifier", "predictors", "exits"]),
    dtype: top.one("dtype", ["F32", "F16"], "F32"),
    dials,
    evaluateEvery: top.number("evaluateEvery", 500, 1, 1e9, true),
    checkpointMinutes: top.number("checkpointMinutes", 5, 0, 1e6),
  };
  checkTogether(config, top);
  return config;
}

/** What each setting alone cannot know. */
function checkTogether(config: TrainConfig, top: Reader): void {
  const { recipe, task, from, labels, grow, shape, data, unlabelled, splices, exit, teacher, threshold, freeze } =
    config;
  // A config that was read once has its defaults in it, none of which asks for anything.
  const asksFor = (value: unknown): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false && value !== 0;
  const absent = (name: string, why: string): void => {
    if (asksFor(top.json[name])) throw top.error(name, `nothing: ${why}`);
  };
  if (recipe !== "tag") absent("task", `only recipe "tag" has a task`);
  if (recipe === "mlm") {
    for (const name of ["skim", "threshold", "exit", "teacher", "freeze", "unlabelled", "splices"])
      absent(name, `recipe "mlm" trains the encoder alone, on texts without labels`);
  }
  if (recipe === "tag") {
    absent("exit", "exit heads read [CLS] and answer for a text, not for its words");
    absent("unlabelled", "any text has the labels of this task");
    absent("splices", "its words would have other neighbours than where their labels come from");
    if (teacher?.from.includes("bigrams"))
      throw top.error("teacher", "a model: a bag of bigrams has no answer for each word");
  }
  if (task === "truecasing" && labels.join() !== caseNames.join()) {
    throw top.error("labels", `${caseNames.join(", ")} for truecasing, or nothing`);
  }
  if (grow === "stack" && (from.length === 0 || shape === undefined)) {
    throw top.error("grow", `"from" and a "shape" with more layers beside "stack"`);
  }
  if (threshold?.stage === "hard" && from.length === 0) {
    throw top.error("threshold", `"from" with a model that has thresholds beside stage "hard"`);
  }
  const keepsAnswer = freeze.includes("encoder") && freeze.includes("classifier");
  if (unlabelled.length > 0 && !teacher && !(keepsAnswer && exit && exit.distillation > 0)) {
    const how = `"exit" and "freeze": ["encoder", "classifier"] (exits learn the last head's answer)`;
    throw top.error("unlabelled", `something to learn without labels: a "teacher", or ${how}`);
  }
  if (splices > 0 && (!teacher || data.length === 0)) {
    throw top.error("splices", `0 without a "teacher" to answer them and "data" with labels to make them of`);
  }
}

function parseShape(top: Reader): BertShape | undefined {
  const { shape } = top.json;
  if (shape === undefined) return undefined;
  if (typeof shape === "string" && Object.hasOwn(namedShapes, shape)) return namedShapes[shape];
  const part = top.part("shape", ["layers", "d", "h", "f"]);
  const size = (name: string): number => part.number(name, Number.NaN, 1, 1e6, true);
  const sizes = { layers: size("layers"), d: size("d"), h: size("h"), f: size("f") };
  if (sizes.d % sizes.h !== 0) throw part.error("h", `a divisor of d = ${sizes.d}`);
  return sizes;
}
