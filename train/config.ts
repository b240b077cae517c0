/**
 * What a training run is: one JSON object, checked whole before anything starts, with every default filled in. The run directory
 * keeps it, and a run is a function of it, the data and the number of workers. Paths are relative to the working directory.
 */
import { type BertShape, namedShapes } from "../bert/config.ts";
import type { Dials } from "../bert/dials.ts";
import { parseDials } from "../bert/taper-config.ts";
import { refuseUnknown, TaperError } from "../engine/errors.ts";
import type { OptimizerConfig } from "./optimizer.ts";

/** How the predictors learn. Parts of the run are in 0 … 1. */
export interface SkimTraining {
  /** Rows of each predictor's first Linear. */
  readonly predictorWidth: number;
  /** λ: what a kept row costs. */
  readonly weight: number;
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

/** How the exit heads learn. */
export interface ExitTraining {
  /** Weight of the cross-entropy with the labels, all heads together. */
  readonly labels: number;
  /** Weight of the divergence from the last head's answer, all heads together. */
  readonly distillation: number;
  /** Whether their gradients go on into the encoder. */
  readonly intoEncoder: boolean;
}

export interface MlmTraining {
  /** The part of tokens to hide. */
  readonly maskRatio: number;
  /** Random candidates of the sampled softmax, beside the hidden tokens, per worker. */
  readonly negatives: number;
}

export interface TrainConfig {
  readonly recipe: "mlm" | "classify";
  readonly seed: number;
  /** Of a model that starts from nothing, or grows: with `from`, what that model lacks is drawn, as if from nothing. */
  readonly shape: BertShape | undefined;
  /** A model directory to start from. */
  readonly from: string | undefined;
  /** A directory with the vocabulary; `from` unless said. */
  readonly vocabulary: string;
  readonly labels: readonly string[];
  readonly maxPositions: number;
  readonly data: readonly string[];
  /** At least so many texts are never trained on; figures are measured on them. Of labelled texts, whole groups: hold-out.ts. */
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
  readonly skim: SkimTraining | undefined;
  readonly exit: ExitTraining | undefined;
  /** How the stored parameters are rounded. */
  readonly dtype: "F32" | "F16";
  /** Default dials of the model, for taperbert.json. */
  readonly dials: Dials | undefined;
  /** Steps between measurements on the held-out texts. */
  readonly evaluateEvery: number;
  readonly checkpointMinutes: number;
}

type Json = Record<string, unknown>;

const topNames = [
  ...[
    "recipe",
    "seed",
    "shape",
    "from",
    "vocabulary",
    "labels",
    "maxPositions",
    "data",
    "holdOut",
    "limit",
    "maxTokens",
  ],
  ...["tokensPerStep", "epochs", "optimizer", "dropout", "mlm", "skim", "exit", "dtype", "dials", "evaluateEvery"],
  "checkpointMinutes",
];

/** Checks a parsed config; `where` names the file. Throws ERR_CONFIG. */
export function parseTrainConfig(json: unknown, where: string): TrainConfig {
  const top = new Reader(json, where, topNames);
  const recipe = top.one("recipe", ["mlm", "classify"] as const);
  const from = top.text("from");
  const vocabulary = top.text("vocabulary") ?? from;
  if (vocabulary === undefined) throw top.error("vocabulary", "a directory with vocab.txt");
  const shape = parseShape(top);
  if (shape === undefined && from === undefined) {
    throw top.error("shape", `"shape" (a new model), "from" (a model directory), or both (a model that grows)`);
  }
  const data = top.texts("data");
  if (data === undefined || data.length === 0) throw top.error("data", "a list of data files");
  const optimizer = top.part("optimizer", ["learningRate", "beta1", "beta2", "eps", "weightDecay", "warmup", "clip"]);
  const mlm = top.part("mlm", ["maskRatio", "negatives"]);
  const dials = top.json.dials === undefined ? undefined : parseDials(top.json.dials, where);
  return {
    recipe,
    seed: top.number("seed", 1, 0, 2 ** 32 - 1, true),
    shape,
    from,
    vocabulary,
    labels: top.texts("labels") ?? ["LABEL_0", "LABEL_1"],
    maxPositions: top.number("maxPositions", 512, 8, 1 << 20, true),
    data,
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
    mlm: {
      maskRatio: mlm.number("maskRatio", 0.35, 0.01, 0.9),
      negatives: mlm.number("negatives", 2048, 1, 1e7, true),
    },
    skim: parseSkim(top),
    exit: parseExit(top),
    dtype: top.json.dtype === undefined ? "F32" : top.one("dtype", ["F32", "F16"] as const),
    dials,
    evaluateEvery: top.number("evaluateEvery", 500, 1, 1e9, true),
    checkpointMinutes: top.number("checkpointMinutes", 5, 0, 1e6),
  };
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

function parseSkim(top: Reader): SkimTraining | undefined {
  if (top.json.skim === undefined || top.json.skim === false) return undefined;
  const names = ["predictorWidth", "weight", "from", "ramp", "target", "temperature", "biasStart", "denseShare"];
  const part = top.part("skim", names);
  return {
    predictorWidth: part.number("predictorWidth", 16, 1, 1e5, true),
    weight: part.number("weight", 0.5, 0, 1e6),
    from: part.number("from", 0, 0, 1),
    ramp: part.number("ramp", 0.6, 0, 1),
    target: part.number("target", 0, 0, 1),
    temperature: part.number("temperature", 1, 0.01, 100),
    biasStart: part.number("biasStart", 1, -10, 10),
    denseShare: part.number("denseShare", 0, 0, 1),
  };
}

function parseExit(top: Reader): ExitTraining | undefined {
  if (top.json.exit === undefined || top.json.exit === false) return undefined;
  const part = top.part("exit", ["labels", "distillation", "intoEncoder"]);
  const into = part.json.intoEncoder ?? true;
  if (typeof into !== "boolean") throw part.error("intoEncoder", "true or false");
  return {
    labels: part.number("labels", 0.5, 0, 1e6),
    distillation: part.number("distillation", 0.5, 0, 1e6),
    intoEncoder: into,
  };
}

/** One object of the config and how its members are read. */
class Reader {
  readonly json: Json;
  private readonly where: string;

  constructor(json: unknown, where: string, known: readonly string[]) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new TaperError("ERR_CONFIG", `${where}: expected an object, found ${JSON.stringify(json)}.`);
    }
    try {
      refuseUnknown(json, known, where);
    } catch (error) {
      throw new TaperError("ERR_CONFIG", (error as Error).message, { cause: error });
    }
    this.json = json as Json;
    this.where = where;
  }

  error(name: string, expected: string): TaperError {
    return new TaperError(
      "ERR_CONFIG",
      `${this.where}: "${name}": expected ${expected}, found ${JSON.stringify(this.json[name])}.`,
    );
  }

  number(name: string, otherwise: number, least: number, most: number, whole = false): number {
    const value = this.json[name] ?? otherwise;
    if (typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value)))
      return value;
    throw this.error(name, `${whole ? "a whole number" : "a number"} from ${least} to ${most}`);
  }

  text(name: string): string | undefined {
    const value = this.json[name];
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    throw this.error(name, "a text");
  }

  texts(name: string): string[] | undefined {
    const value = this.json[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.error(name, "a list of texts");
  }

  one<const T extends readonly string[]>(name: string, allowed: T): T[number] {
    const value = this.json[name];
    if (typeof value === "string" && allowed.includes(value)) return value;
    throw this.error(name, allowed.map((a) => `"${a}"`).join(" or "));
  }

  part(name: string, known: readonly string[]): Reader {
    return new Reader(this.json[name] ?? {}, `${this.where}: "${name}"`, known);
  }
}
