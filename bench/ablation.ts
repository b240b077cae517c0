/**
 * What each saving saves, one after the other on the same texts: dense padded, dense ragged, with skimming, with exits, with both, and the
 * worst case. Counted and realised stand side by side, and between them what a roofline would have predicted.
 */
import type { BertConfig } from "../bert/config.ts";
import { denseEncoderMacs, taskHeadMacs } from "../bert/macs.ts";
import type { Trace } from "../bert/trace.ts";
import { calibrationError } from "./calibration.ts";
import { paddedLengths, totalsOf } from "./executed.ts";
import { gflops } from "./flops.ts";
import { type Paired, paired } from "./paired.ts";
import type { StreamFigures } from "./single-stream.ts";
import { mean, sum } from "./statistics.ts";
import type { Observed } from "./ways.ts";

export interface AblationRow {
  readonly name: string;
  readonly title: string;
  /** Share of right answers; where there are labels. */
  readonly accuracy?: number;
  /** Accuracy minus the dense model's, with the interval that pairing earns. */
  readonly against?: Paired;
  /** Share of texts answered as the dense model answers them; where weights mean something. */
  readonly agreement?: number;
  readonly calibrationError?: number;
  /** Per text, predictors and exit heads included. */
  readonly gflops: number;
  /** Dense on the real length ÷ this, in products: what the arithmetic promises. */
  readonly counted: number;
  /** Dense on the real length ÷ this, in milliseconds. */
  readonly realised: number;
  /** realised ÷ counted, over the same texts: 1 if every product saved saved its time. */
  readonly realisedFraction: number;
  /** Mean milliseconds per text under the roof. */
  readonly roofMs?: number;
  readonly latency: StreamFigures;
  readonly meanExitLayer?: number;
  readonly meanKept?: number;
}

export interface AblationInput {
  readonly config: BertConfig;
  readonly titles: Readonly<Record<string, string>>;
  /** By way; `dense` must be there. */
  readonly observed: Readonly<Record<string, Observed>>;
  readonly figures: Readonly<Record<string, StreamFigures>>;
  readonly labels?: readonly number[] | undefined;
  /** False for random weights: their answers mean nothing. */
  readonly meaningful: boolean;
}

/** A row for each way of `figures`, in that order. */
export function ablationRows({ config, titles, observed, figures, labels, meaningful }: AblationInput): AblationRow[] {
  const denseTraces = observed.dense.traces!;
  const denseMacs = denseTraces.map((trace) => trace.denseMacs);
  const denseAnswers = observed.dense.answers?.map(({ label }) => label);
  return Object.entries(figures).map(([name, latency]): AblationRow => {
    const { traces, answers = observed.dense.answers, roofMs } = observed[name];
    const macs = traces?.map((trace) => trace.macs) ?? paddedMacs(config, denseTraces);
    const timed = latency.textMs.length;
    const counted = (of: number): number => sum(denseMacs.slice(0, of)) / sum(macs.slice(0, of));
    const totals = traces && totalsOf(traces, config);
    const given = answers?.map(({ label }) => label);
    return {
      name,
      title: titles[name],
      ...(meaningful && answers && given && denseAnswers && judged(answers, given, denseAnswers, labels)),
      gflops: gflops(mean(macs)),
      counted: counted(macs.length),
      realised: latency.speedup,
      realisedFraction: latency.speedup / counted(timed),
      ...(roofMs && { roofMs: mean(roofMs.slice(0, timed)) }),
      latency,
      ...(totals && { meanExitLayer: totals.meanExitLayer, meanKept: totals.meanKept }),
    };
  });
}

function judged(
  answers: NonNullable<Observed["answers"]>,
  given: readonly number[],
  denseAnswers: readonly number[],
  labels: readonly number[] | undefined,
): Partial<AblationRow> {
  const agreement = given.filter((label, t) => label === denseAnswers[t]).length / given.length;
  if (labels === undefined) return { agreement };
  const right = given.map((label, t) => label === labels[t]);
  return {
    agreement,
    accuracy: mean(right.map(Number)),
    calibrationError: calibrationError(answers.map(({ confidence }, t) => ({ confidence, right: right[t] }))),
    ...(given.length > 1 && { against: paired(given, denseAnswers, labels) }),
  };
}

function paddedMacs(config: BertConfig, traces: readonly Trace[]): number[] {
  return paddedLengths(traces).map((n) => denseEncoderMacs(config, n) + taskHeadMacs(config, n));
}
