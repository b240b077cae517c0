/**
 * One model at many dials: what is given up against what is saved. Skimming alone, exits alone, and exits on top of the skimming that was
 * asked for, all interleaved with the dense run on the same texts. It chooses no dials for use.
 */
import type { Dials } from "../bert/dials.ts";
import type { SkimDials } from "../skim/policy.ts";
import { dense } from "./dials.ts";
import { gflops } from "./flops.ts";
import { mean } from "./statistics.ts";
import { abilitiesOfConfig, type Subject } from "./subject.ts";
import { observe, type RunWay, timeWays } from "./ways.ts";

export type SeriesName = "dense" | "skim" | "exit" | "both";

export interface SweepPoint {
  readonly series: SeriesName;
  /** The dial's value in words. */
  readonly dial: string;
  /** Share of right answers; where there are labels. */
  readonly accuracy?: number;
  /** Share of texts answered as the dense model answers them. */
  readonly agreement: number;
  /** Means per text; milliseconds from ids to logits. */
  readonly gflops: number;
  readonly ms: number;
}

const entropies = [0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9];
const keepThresholds = [-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5];
const attentionScales = [0.25, 0.5, 1, 1.5, 2, 3];

interface Setting {
  readonly series: SeriesName;
  readonly dial: string;
  readonly dials: Dials;
}

function settingsOf({ config, taper, ways }: Subject): Setting[] {
  const { predictors, attentionThresholds, exitHeads } = abilitiesOfConfig(config, taper);
  const skims: (readonly [string, SkimDials])[] = predictors
    ? keepThresholds.map((keepThreshold) => [`keep threshold ${keepThreshold}`, { keepThreshold }])
    : attentionThresholds
      ? attentionScales.map((attentionThreshold) => [
          `attention threshold × ${attentionThreshold}`,
          { attentionThreshold },
        ])
      : [];
  const exits = exitHeads ? entropies.map((entropy) => [`entropy ${entropy}`, { entropy }] as const) : [];
  const wanted = ways.skim?.options(0).skim;
  return [
    { series: "dense", dial: "dense", dials: dense },
    ...skims.map(([dial, skim]): Setting => ({ series: "skim", dial, dials: { skim, exit: false } })),
    ...exits.map(([dial, exit]): Setting => ({ series: "exit", dial, dials: { skim: false, exit } })),
    ...(ways.skim ? exits : []).map(
      ([dial, exit]): Setting => ({ series: "both", dial, dials: { skim: wanted, exit } }),
    ),
  ];
}

/** A point for each setting; none for a model that can only be dense, or that does not classify sequences. */
export async function sweep(
  subject: Subject,
  { seconds, progress }: { readonly seconds: number; readonly progress: (line: string) => void },
): Promise<SweepPoint[]> {
  const { texts, labels, config } = subject;
  const settings = settingsOf(subject);
  if (settings.length === 1 || config.task !== "sequence-classification") return [];
  const ways = Object.fromEntries(
    settings.map(({ series, dial, dials }): [string, RunWay] => [`${series} ${dial}`, { options: () => dials }]),
  );
  const base = "dense dense";
  const observed = await observe(subject.open, texts, ways, undefined, progress);
  const model = await subject.open();
  try {
    const { figures } = await timeWays(model, texts, ways, base, {
      runs: 1,
      seconds,
      between: (done, of) => progress(`dials: ${done} of ${of} texts`),
    });
    const denseLabels = observed[base].answers!.map(({ label }) => label);
    return settings.map(({ series, dial }): SweepPoint => {
      const name = `${series} ${dial}`;
      const given = observed[name].answers!.map(({ label }) => label);
      const share = (of: readonly number[]): number => mean(given.map((label, t) => Number(label === of[t])));
      return {
        series,
        dial,
        ...(labels && { accuracy: share(labels) }),
        agreement: share(denseLabels),
        gflops: gflops(mean(observed[name].traces!.map(({ macs }) => macs))),
        ms: mean(figures[name].textMs),
      };
    });
  } finally {
    await model.dispose();
  }
}
