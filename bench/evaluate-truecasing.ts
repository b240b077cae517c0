/** A tagger of words' cases over texts that are their own labels: how often it is right and what it executes. It times nothing. */
import type { Dials } from "../bert/dials.ts";
import type { Model } from "../bert/model.ts";
import type { Trace } from "../bert/trace.ts";
import { TaperError } from "../engine/errors.ts";
import { argmax } from "../exit/criteria.ts";
import { caseNames, readCases } from "../train/truecasing.ts";
import { type Totals, totalsOf } from "./executed.ts";
import { mean } from "./statistics.ts";

export interface CaseEvaluation extends Totals {
  /** Words that have a case and were read. */
  readonly words: number;
  /** Share of words whose most probable case is theirs. */
  readonly accuracy: number;
  /** Mean of the accuracies of the cases that occur: what is rare counts as much. */
  readonly macroAccuracy: number;
}

/** Throws ERR_INPUT for a model with other labels, ERR_DATA for texts without a letter that has a case. */
export async function evaluateTruecasing(
  model: Model,
  texts: readonly string[],
  dials: Dials,
  batch: number,
  progress: (done: number) => void = () => undefined,
): Promise<CaseEvaluation> {
  const { labels } = model.config;
  if (labels.join() !== caseNames.join()) {
    throw new TaperError(
      "ERR_INPUT",
      `expected a model with the labels ${caseNames.join(", ")}, found ${labels.join(", ")}.`,
    );
  }
  const c = labels.length;
  const read = texts.map((text) =>
    readCases(text, { encode: (lower) => model.encode(lower as string) }, model.maxLength),
  );
  const traces: Trace[] = [];
  const asked = new Array<number>(c).fill(0);
  const right = new Array<number>(c).fill(0);
  for (let from = 0; from < read.length; from += batch) {
    const now = read.slice(from, from + batch);
    const { logits, trace } = await model.forwardEncodings(
      now.map(({ encoding }) => encoding),
      dials,
    );
    for (const [t, { tags }] of now.entries()) {
      for (const [i, tag] of tags.entries()) {
        if (tag < 0) continue;
        asked[tag]++;
        if (argmax(logits[t].subarray(i * c, (i + 1) * c)) === tag) right[tag]++;
      }
    }
    traces.push(...trace);
    progress(traces.length);
  }
  const words = asked.reduce((a, b) => a + b, 0);
  if (words === 0)
    throw new TaperError("ERR_DATA", "truecasing: expected texts with letters that have a case, found none.");
  return {
    ...totalsOf(traces, model.config),
    words,
    accuracy: right.reduce((a, b) => a + b, 0) / words,
    macroAccuracy: mean(right.flatMap((count, k) => (asked[k] > 0 ? [count / asked[k]] : []))),
  };
}
