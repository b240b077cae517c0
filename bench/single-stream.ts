/**
 * A single stream in figures: tails where the samples support them, means with intervals, ratios between ways. The unit that is resampled
 * is the text with all its rounds: rounds of one text know little of another text. One text alone: its rounds.
 */
import { bootstrap, type Interval } from "./bootstrap.ts";
import { mean, median, sum, type Tails, tails } from "./statistics.ts";
import { queryMs, type Sample, type Stream } from "./stream.ts";

export interface StreamFigures {
  /** Queries timed: texts × rounds. */
  readonly queries: number;
  /** Over all queries, tokenisation included. */
  readonly ms: Tails;
  /** Over all queries, tokenisation included. */
  readonly mean: number;
  /** 95 %, bootstrap over texts. */
  readonly meanInterval: Interval;
  /** Of the mean: tokenisation, and from ids to logits. */
  readonly tokeniseMs: number;
  readonly forwardMs: number;
  /** Medians over rounds, text by text, from ids to logits: what ratios are made of. */
  readonly textMs: readonly number[];
  /** Σ of the base way's medians ÷ Σ of this one's. */
  readonly speedup: number;
  readonly speedupInterval: Interval;
}

export type Figures<Name extends string> = Readonly<Record<Name, StreamFigures>>;

/** `base` is what the others are compared with. */
export function figuresOf<Name extends string>({ samples, queries }: Stream<Name>, base: NoInfer<Name>): Figures<Name> {
  const entries = Object.entries<readonly (readonly Sample[])[]>(samples);
  const mediansOf = (byText: readonly (readonly Sample[])[]): number[] =>
    byText.map((rounds) => median(rounds.map(({ runMs }) => runMs)));
  const baseMs = mediansOf(samples[base]);
  return Object.fromEntries(
    entries.map(([name, byText]) => {
      const textMs = mediansOf(byText);
      const ms = queryMs(byText);
      const units = byText.length > 1 ? byText.map((rounds) => queryMs([rounds])) : ms.map((value) => [value]);
      const pairs = byText.length > 1 ? zip(baseMs, textMs) : zip(forwards(samples[base][0]), forwards(byText[0]));
      const figures: StreamFigures = {
        queries,
        ms: tails(ms),
        mean: mean(ms),
        meanInterval: bootstrap(units, (drawn) => mean(drawn.flat())),
        tokeniseMs: mean(byText.flatMap((rounds) => rounds.map(({ prepareMs }) => prepareMs))),
        forwardMs: mean(byText.flatMap((rounds) => rounds.map(({ runMs }) => runMs))),
        textMs,
        speedup: sum(baseMs) / sum(textMs),
        speedupInterval: bootstrap(pairs, ratio),
      };
      return [name, figures];
    }),
  ) as Record<Name, StreamFigures>;
}

const forwards = (rounds: readonly Sample[]): number[] => rounds.map(({ runMs }) => runMs);

const zip = (a: readonly number[], b: readonly number[]): [number, number][] => a.map((value, i) => [value, b[i]]);

const ratio = (of: readonly [number, number][]): number => sum(of.map(([a]) => a)) / sum(of.map(([, b]) => b));
