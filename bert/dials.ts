/**
 * The dials of one call: how much to skim, how early to exit. Checked here, completed from the model's own defaults,
 * and turned into a plan that the encoder follows without asking again.
 */
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import type { ExitDials } from "../exit/criteria.ts";
import type { SkimDials } from "../skim/policy.ts";

/** How much to skim and how early to exit, for one call. `{ skim: false, exit: false }` is the dense model. */
export interface Dials {
  /** `false`: no token leaves early. Left out, or a threshold left out: the model's default. */
  readonly skim?: false | SkimDials | undefined;
  /** `false`: every text goes through all layers. Left out or `{}`: the model's default; else exactly the criteria given. */
  readonly exit?: false | ExitDials | undefined;
}

/** What a model can do besides being dense. */
export interface Abilities {
  readonly predictors: boolean;
  readonly attentionThresholds: boolean;
  readonly exitHeads: boolean;
}

/** What one forward does: an absent part does not run at all. */
export interface Plan {
  readonly keepThreshold?: number;
  readonly attentionThreshold?: number;
  readonly exit?: ExitDials;
}

const skimNames = ["keepThreshold", "attentionThreshold"] as const;
const exitNames = ["entropy", "confidence", "patience", "deadlineMs"] as const;

/** Throws ERR_OPTION for unknown names and impossible values. `where` names the call or the file. */
export function checkDials(dials: Dials, where: string): void {
  const { skim, exit } = dials;
  if (skim !== undefined && skim !== false) {
    checkObject(skim, skimNames, `${where}: skim`);
    number(skim.keepThreshold, `${where}: skim.keepThreshold`, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
    number(skim.attentionThreshold, `${where}: skim.attentionThreshold`, 0, Number.POSITIVE_INFINITY);
  }
  if (exit !== undefined && exit !== false) {
    checkObject(exit, exitNames, `${where}: exit`);
    number(exit.entropy, `${where}: exit.entropy`, 0, 1);
    number(exit.confidence, `${where}: exit.confidence`, 0, 1);
    answersInARow(exit.patience, `${where}: exit.patience`);
    number(exit.deadlineMs, `${where}: exit.deadlineMs`, 0, Number.POSITIVE_INFINITY);
  }
}

function checkObject(value: unknown, names: readonly string[], where: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TaperError(
      "ERR_OPTION",
      `${where} must be false or an object with ${names.join(", ")}; found ${show(value)}.`,
    );
  }
  refuseUnknown(value, names, where);
}

function number(value: unknown, where: string, least: number, most: number): void {
  if (value === undefined) return;
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new TaperError("ERR_OPTION", `${where} must be a number from ${least} to ${most}; found ${show(value)}.`);
}

function answersInARow(value: unknown, where: string): void {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return;
  if (Number.isSafeInteger(value) && Number(value) >= 1) return;
  throw new TaperError("ERR_OPTION", `${where} must be a whole number from 1, or Infinity; found ${show(value)}.`);
}

/** Throws ERR_OPTION if a dial needs a part that the model lacks. */
export function checkAbilities({ skim, exit }: Dials, abilities: Abilities): void {
  if (skim) {
    needs(skim.keepThreshold, abilities.predictors, "skim.keepThreshold", "skim predictors");
    needs(skim.attentionThreshold, abilities.attentionThresholds, "skim.attentionThreshold", "attention thresholds");
  }
  if (exit && exitNames.some((name) => exit[name] !== undefined))
    needs(exit, abilities.exitHeads, "exit", "exit heads");
}

/** Completes checked dials from the model's defaults. Throws ERR_OPTION if a dial needs a part that the model lacks. */
export function planOf(dials: Dials, defaults: Dials, abilities: Abilities): Plan {
  checkAbilities(dials, abilities);
  const plan: { -readonly [P in keyof Plan]: Plan[P] } = {};
  const { keepThreshold, attentionThreshold } = skimOf(dials.skim, defaults.skim);
  if (abilities.predictors && keepThreshold > Number.NEGATIVE_INFINITY) plan.keepThreshold = keepThreshold;
  if (abilities.attentionThresholds && attentionThreshold > 0) plan.attentionThreshold = attentionThreshold;
  const exit = exitOf(dials.exit, defaults.exit);
  if (abilities.exitHeads && exit !== undefined) plan.exit = exit;
  return plan;
}

const noSkimming = { keepThreshold: Number.NEGATIVE_INFINITY, attentionThreshold: 0 };

function skimOf(call: Dials["skim"], own: Dials["skim"]): typeof noSkimming {
  if (call === false || (call === undefined && own === false)) return noSkimming;
  const fallback: SkimDials | undefined = own === false ? undefined : own;
  return {
    keepThreshold: call?.keepThreshold ?? fallback?.keepThreshold ?? 0,
    attentionThreshold: call?.attentionThreshold ?? fallback?.attentionThreshold ?? 1,
  };
}

function exitOf(call: Dials["exit"], own: Dials["exit"]): ExitDials | undefined {
  if (call === false) return undefined;
  const chosen = call !== undefined && exitNames.some((name) => call[name] !== undefined) ? call : own;
  return chosen === false ? undefined : chosen;
}

function needs(dial: unknown, has: boolean, name: string, part: string): void {
  if (dial === undefined || has) return;
  throw new TaperError(
    "ERR_OPTION",
    `${name}: this model has no ${part}; leave the dial out, or train or adapt the model first.`,
  );
}
