/** Options of a pipeline's call: our dials and signal, and transformers.js's names beside ours. */
import type { CallOptions } from "../bert/model.ts";
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";

export interface TopK {
  /** How many answers, the best first; null for all. Default 1. */
  readonly topK?: number | null | undefined;
  /** The same under its other name. */
  readonly top_k?: number | null | undefined;
}

/** The options that the model takes, without the pipeline's `own`. Throws ERR_OPTION for a name that neither has. */
export function callOptions(options: CallOptions, own: readonly string[], where: string): CallOptions {
  refuseUnknown(options, ["skim", "exit", "signal", ...own], where);
  const { skim, exit, signal } = options;
  return {
    ...(skim !== undefined && { skim }),
    ...(exit !== undefined && { exit }),
    ...(signal !== undefined && { signal }),
  };
}

/** An option under our name or transformers.js's. Throws ERR_OPTION for both. */
export function eitherName<Options, Ours extends keyof Options & string, Theirs extends keyof Options & string>(
  options: Options,
  ours: Ours,
  theirs: Theirs,
  where: string,
): Options[Ours] | Options[Theirs] {
  if (options[ours] !== undefined && options[theirs] !== undefined) {
    throw new TaperError("ERR_OPTION", `${where}: ${ours} and ${theirs} are one option; give one of them.`);
  }
  return options[ours] === undefined ? options[theirs] : options[ours];
}

/** How many answers a call wants; Infinity for all. Throws ERR_OPTION. */
export function topKOf(options: TopK, where: string): number {
  const value = eitherName(options, "topK", "top_k", where);
  if (value === undefined) return 1;
  if (value === null) return Number.POSITIVE_INFINITY;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  throw new TaperError("ERR_OPTION", `${where}: topK must be a whole number from 1, or null; found ${show(value)}.`);
}
