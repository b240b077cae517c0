/**
 * `taperbert.json`: what a model directory has beyond Hugging Face's files (docs/model-format.md). A model without one is dense.
 */
import { show, TaperError } from "../engine/errors.ts";
import { checkAbilities, checkDials, type Dials } from "./dials.ts";

export const taperSchemaVersion = 1;

export interface TaperConfig {
  readonly skim?: {
    /** Rows of each predictor's first Linear; must agree with the checkpoint. Absent: no predictors. */
    readonly predictorWidth?: number;
    /** θ_l for each layer. Absent: no pruning by attention. */
    readonly attentionThresholds?: readonly number[];
  };
  readonly exit?: {
    /** True if the checkpoint has a head after each layer but the last. */
    readonly heads?: boolean;
  };
  /** Present if the encoder's linear layers are stored in 8 bits (`taperbert quantize`). */
  readonly quantization?: { readonly dtype: "int8" };
  /** What a call does that names no dials. Absent: dense. */
  readonly dials?: Dials;
  /** What is certified of `dials`, by `taperbert calibrate`. */
  readonly certificate?: Certificate;
}

/**
 * With probability at least 1 − delta over the choice of the test texts, the share of texts (from where these came from) on which the loss
 * is 1 is at most `maxDrop`. An answer lost is one that the full model had right and this one has wrong; "disagreement", where there were
 * no labels, is any answer that differs, which is at least as many.
 * Source: Pareto Testing, https://arxiv.org/abs/2210.07913
 */
export interface Certificate {
  readonly maxDrop: number;
  readonly delta: number;
  readonly loss: "lost answers" | "disagreement";
  /** Texts of the second half, on which it was tested, and the losses there. */
  readonly texts: number;
  readonly errors: number;
  /** The exact upper bound of the loss at 1 − delta (Clopper and Pearson). */
  readonly bound: number;
  /** Dense MACs on the real length ÷ executed, on the second half. */
  readonly speedup: number;
}

/** Reads a parsed `taperbert.json`. `where` names the file in errors. Throws ERR_CONFIG. */
export function parseTaperConfig(json: unknown, layers: number, where: string): TaperConfig {
  const root = object(json, where, ["schemaVersion", "skim", "exit", "quantization", "dials", "certificate"]);
  if (root.schemaVersion !== taperSchemaVersion) {
    throw new TaperError(
      "ERR_CONFIG",
      `${where}: "schemaVersion" is ${show(root.schemaVersion)}; this version of taperbert reads ${taperSchemaVersion}.`,
    );
  }
  const skim =
    root.skim === undefined
      ? undefined
      : object(root.skim, `${where}: "skim"`, ["predictorWidth", "attentionThresholds"]);
  const exit = root.exit === undefined ? undefined : object(root.exit, `${where}: "exit"`, ["heads"]);
  if (skim?.predictorWidth !== undefined && !isCount(skim.predictorWidth)) {
    throw new TaperError(
      "ERR_CONFIG",
      `${where}: "skim.predictorWidth" must be a positive whole number, found ${show(skim.predictorWidth)}.`,
    );
  }
  const thresholds = skim?.attentionThresholds;
  if (thresholds !== undefined) {
    const fits =
      Array.isArray(thresholds) &&
      thresholds.length === layers &&
      thresholds.every((t) => Number.isFinite(t) && t >= 0);
    if (!fits) {
      throw new TaperError(
        "ERR_CONFIG",
        `${where}: "skim.attentionThresholds" must be ${layers} numbers ≥ 0, found ${show(thresholds)}.`,
      );
    }
  }
  if (exit?.heads !== undefined && typeof exit.heads !== "boolean") {
    throw new TaperError("ERR_CONFIG", `${where}: "exit.heads" must be true or false, found ${show(exit.heads)}.`);
  }
  const quantization =
    root.quantization === undefined ? undefined : object(root.quantization, `${where}: "quantization"`, ["dtype"]);
  if (quantization !== undefined && quantization.dtype !== "int8") {
    throw new TaperError(
      "ERR_CONFIG",
      `${where}: "quantization.dtype" must be "int8", found ${show(quantization.dtype)}.`,
    );
  }
  const dials = root.dials === undefined ? undefined : parseDials(root.dials, where);
  const certificate = root.certificate === undefined ? undefined : parseCertificate(root.certificate, where);
  if (certificate !== undefined && dials === undefined) {
    throw new TaperError("ERR_CONFIG", `${where}: "certificate" certifies "dials", and there are none.`);
  }
  const config = {
    ...(skim && { skim }),
    ...(exit && { exit }),
    ...(quantization && { quantization }),
    ...(dials && { dials }),
    ...(certificate && { certificate }),
  } as TaperConfig;
  checkOwnDials(config, where);
  return config;
}

/** Throws ERR_CONFIG if a model has dials of its own for parts that it lacks. */
export function checkOwnDials({ skim, exit, dials }: TaperConfig, where: string): void {
  if (dials === undefined) return;
  const parts = {
    predictors: skim?.predictorWidth !== undefined,
    attentionThresholds: skim?.attentionThresholds !== undefined,
    exitHeads: exit?.heads === true,
  };
  asConfig(where, () => checkAbilities(dials, parts));
}

function parseCertificate(json: unknown, where: string): Certificate {
  const numbers = ["maxDrop", "delta", "texts", "errors", "bound", "speedup"];
  const found = object(json, `${where}: "certificate"`, [...numbers, "loss"]);
  for (const name of numbers) {
    const value = found[name];
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) continue;
    throw new TaperError("ERR_CONFIG", `${where}: "certificate.${name}" must be a number ≥ 0, found ${show(value)}.`);
  }
  if (found.loss === "lost answers" || found.loss === "disagreement") return found as unknown as Certificate;
  const expected = `"lost answers" or "disagreement"`;
  throw new TaperError("ERR_CONFIG", `${where}: "certificate.loss" must be ${expected}, found ${show(found.loss)}.`);
}

/** The "dials" of a parsed file. Throws ERR_CONFIG. */
export function parseDials(json: unknown, where: string): Dials {
  const dials = object(json, `${where}: "dials"`, ["skim", "exit"]) as Dials;
  asConfig(where, () => checkDials(dials, "dials"));
  return dials;
}

/** What `check` throws, as an error of the file. */
function asConfig(where: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new TaperError("ERR_CONFIG", `${where}: ${(error as Error).message}`, { cause: error });
  }
}

function object(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TaperError("ERR_CONFIG", `${where}: expected an object with ${known.join(", ")}, found ${show(value)}.`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new TaperError("ERR_CONFIG", `${where}: unknown name "${unknown}"; known are ${known.join(", ")}.`);
  }
  return value as Record<string, unknown>;
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}
