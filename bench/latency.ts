/**
 * How long one text takes from ids to logits, several ways of running it interleaved on the same texts, tokenisation apart.
 * Also the worst way of all: every overhead paid and nothing gained.
 */
import type { Abilities, Dials } from "../bert/dials.ts";
import type { ForwardOptions, Model } from "../bert/model.ts";
import type { Encoding } from "../bert/tokenizer/tokenizer.ts";
import { measure } from "./measure.ts";
import { median, quantile, sum } from "./statistics.ts";

/** A text to time: what a forward reads of an encoding. */
export type TimedText = Pick<Encoding, "ids" | "segments">;

/** A way of running text number t. */
export type Way = (t: number) => ForwardOptions;

export interface Latency {
  /** Quantiles over all texts and rounds, in milliseconds. */
  readonly p50: number;
  readonly p90: number;
  /** Mean over texts of the median of their rounds. */
  readonly msPerText: number;
  /** The first way's milliseconds ÷ this one's, as a ratio of sums of medians. */
  readonly speedup: number;
}

export interface LatencyReport<Name extends string> {
  readonly texts: number;
  readonly runs: number;
  readonly ways: Readonly<Record<Name, Latency>>;
}

/**
 * Dials under which a model pays for all that it has and gains nothing: predictors score every row, attention reports importance, a head
 * reads [CLS] after every layer, and nobody ever leaves.
 */
export function worstCase({ predictors, attentionThresholds, exitHeads }: Abilities): Dials {
  return {
    skim: {
      ...(predictors && { keepThreshold: -1e30 }),
      ...(attentionThresholds && { attentionThreshold: 1e-30 }),
    },
    // A patience that no number of heads can reach; an entropy of 0 can be reached by rounding.
    exit: exitHeads ? { patience: Number.POSITIVE_INFINITY } : false,
  };
}

/** Times each text alone, `runs` rounds of all the ways in turn. The first way is what the others are compared with. */
export async function latency<Name extends string>(
  model: Model,
  texts: readonly TimedText[],
  ways: Readonly<Record<Name, Way>>,
  runs: number,
  progress: (done: number) => void = () => undefined,
): Promise<LatencyReport<Name>> {
  const names = Object.keys(ways) as Name[];
  const table = <T>(make: (name: Name) => T) =>
    Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>;
  const samples = table((): number[] => []);
  const medians = table((): number[] => []);
  for (const [t, text] of texts.entries()) {
    const runners = table((name) => {
      const options = { segments: [text.segments], ...ways[name](t) };
      return () => model.forward([text.ids], options);
    });
    const timed = await measure(runners, { runs, warmup: t === 0 ? 3 : 1 });
    for (const name of names) {
      samples[name].push(...timed.samples[name]);
      medians[name].push(median(timed.samples[name]));
    }
    progress(t + 1);
  }
  const total = table((name) => sum(medians[name]));
  return {
    texts: texts.length,
    runs,
    ways: table((name) => ({
      p50: median(samples[name]),
      p90: quantile(samples[name], 0.9),
      msPerText: total[name] / texts.length,
      speedup: total[names[0]] / total[name],
    })),
  };
}
