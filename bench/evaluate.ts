/**
 * A model over labelled texts: how often it is right, what it executes, how long it takes from ids to logits. Tokenisation is timed
 * apart. It chooses no dials and draws no conclusions.
 */
import type { Dials } from "../bert/dials.ts";
import type { Model, Text } from "../bert/model.ts";
import type { Encoding } from "../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../bert/trace.ts";
import { argmax } from "../exit/criteria.ts";
import { dense } from "./dials.ts";
import { type Totals, totalsOf } from "./executed.ts";
import { mean } from "./statistics.ts";
import { timeWays } from "./ways.ts";

export interface LabelledText {
  readonly text: Text;
  /** A label's id. */
  readonly label: number;
}

export interface Evaluation extends Totals {
  /** Share of texts whose most probable label is theirs. */
  readonly accuracy: number;
  /** From ids to logits, per text, in batches of `batch`. */
  readonly msPerText: number;
  readonly tokeniseMsPerText: number;
  /** The id of the most probable label of each text. */
  readonly answers: readonly number[];
  readonly logits: readonly Float32Array[];
  /** Texts that were longer than the model can read. */
  readonly truncated: number;
}

/** Answers all texts once, `batch` at a time, in order. The first batch runs once more beforehand, untimed. */
export async function evaluate(
  model: Model,
  rows: readonly LabelledText[],
  dials: Dials,
  batch: number,
  progress: (done: number) => void = () => undefined,
): Promise<Evaluation> {
  const startedAt = performance.now();
  const encodings = rows.map(({ text }) => model.encode(text));
  const tokeniseMs = performance.now() - startedAt;

  await model.forwardEncodings(encodings.slice(0, batch), dials);
  const traces: Trace[] = [];
  const logitsOfAll: Float32Array[] = [];
  let ms = 0;
  for (let from = 0; from < rows.length; from += batch) {
    const now = encodings.slice(from, from + batch);
    const start = performance.now();
    const { logits, trace } = await model.forwardEncodings(now, dials);
    ms += performance.now() - start;
    logitsOfAll.push(...logits);
    traces.push(...trace);
    progress(traces.length);
  }
  const answers = logitsOfAll.map(argmax);
  return {
    ...totalsOf(traces, model.config),
    accuracy: answers.filter((answer, t) => answer === rows[t].label).length / rows.length,
    answers,
    logits: logitsOfAll,
    msPerText: ms / rows.length,
    tokeniseMsPerText: tokeniseMs / rows.length,
    truncated: encodings.filter((encoding) => encoding.truncated).length,
  };
}

/** The largest |difference| between two models' logits for the same texts. */
export function largestDifference(first: readonly Float32Array[], second: readonly Float32Array[]): number {
  let largest = 0;
  for (const [t, logits] of first.entries())
    for (const [c, logit] of logits.entries()) largest = Math.max(largest, Math.abs(logit - second[t][c]));
  return largest;
}

export interface Realised {
  /** Rounds per text. */
  readonly runs: number;
  /** From ids to logits, one text at a time: means over texts of the medians of their rounds. */
  readonly msPerText: number;
  readonly denseMsPerText: number;
  /** Dense ÷ narrowed, in milliseconds. */
  readonly realised: number;
}

/** The model with its dials against itself dense, one text at a time, interleaved round by round. */
export async function timeAgainstDense(
  model: Model,
  encodings: readonly Encoding[],
  dials: Dials,
  runs: number,
): Promise<Realised> {
  const ways = { dense: { options: () => dense }, narrowed: { options: () => dials } };
  const { figures } = await timeWays(model, encodings, ways, "dense", { runs });
  return {
    runs,
    msPerText: mean(figures.narrowed.textMs),
    denseMsPerText: mean(figures.dense.textMs),
    realised: figures.narrowed.speedup,
  };
}
