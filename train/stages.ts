/**
 * A training plan of several runs, each from where the one before ended: { "stages": [ …, … ] }. A plan of one run needs no list.
 * It only says which runs there are and where; running them is the caller's.
 */
import { TaperError } from "../engine/errors.ts";
import { parseTrainConfig, type TrainConfig } from "./config.ts";

export interface Stage {
  readonly config: TrainConfig;
  /** The last stage's is the plan's own; the others lie in it. */
  readonly directory: string;
}

/**
 * Checks every stage before any of them runs. A stage after the first starts from the one before it unless it has a "from" of its
 * own; with a "shape" it grows. Where a directory is asked for, "stage-2" is that of the second stage. `where` names the file. Throws
 * ERR_CONFIG.
 */
export function parseStages(json: unknown, directory: string, where: string): Stage[] {
  const list = (json as { stages?: unknown } | null)?.stages;
  if (list === undefined) return [{ config: parseTrainConfig(json, where), directory }];
  if (!Array.isArray(list) || list.length === 0 || Object.keys(json as object).length > 1) {
    throw new TaperError(
      "ERR_CONFIG",
      `${where}: "stages" must be the only name there, and a list of at least one run.`,
    );
  }
  const stages: Stage[] = [];
  for (const [i, stage] of list.entries()) {
    const at = i === list.length - 1 ? directory : `${directory}/stage-${i + 1}`;
    const before = stages.at(-1);
    const isWhole = typeof stage !== "object" || stage === null || "from" in stage;
    const start =
      before === undefined || isWhole ? {} : { from: before.directory, vocabulary: before.config.vocabulary };
    const config = parseTrainConfig(
      withDirectories(isWhole ? stage : { ...start, ...stage }, stages),
      `${where}: stage ${i + 1}`,
    );
    stages.push({ config, directory: at });
  }
  return stages;
}

/** The stage's JSON with "stage-n" in "from", in the teacher's "from" and in "predictors" replaced by where that stage's model will be. */
function withDirectories(stage: unknown, before: readonly Stage[]): unknown {
  if (typeof stage !== "object" || stage === null) return stage;
  const { from, teacher, skim } = stage as Record<"from" | "teacher" | "skim", unknown>;
  const directoryOf = (name: unknown): unknown => {
    if (Array.isArray(name)) return name.map(directoryOf);
    const number = typeof name === "string" ? /^stage-(\d+)$/.exec(name)?.[1] : undefined;
    return number === undefined ? name : (before[Number(number) - 1]?.directory ?? name);
  };
  const within = (part: unknown, name: string): unknown =>
    typeof part === "object" && part !== null && name in part
      ? { ...part, [name]: directoryOf((part as Record<string, unknown>)[name]) }
      : part;
  return {
    ...stage,
    ...(from !== undefined && { from: directoryOf(from) }),
    ...(teacher !== undefined && { teacher: within(teacher, "from") }),
    ...(skim !== undefined && { skim: within(skim, "predictors") }),
  };
}
