/** What a bench of milliseconds is about: a model and how to load it, the texts, and the ways of running it. Plain data; it runs nothing. */
import type { BertConfig } from "../bert/config.ts";
import type { Abilities, Dials } from "../bert/dials.ts";
import type { Text } from "../bert/model.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { ablationDials, type WayName, wayTitles } from "./dials.ts";
import { scheduledTrace } from "./schedule.ts";
import type { OpenModel, RunWay } from "./ways.ts";

export interface Subject {
  /** The directory or the shape, as it was given. */
  readonly name: string;
  /** Absent for random weights. */
  readonly directory?: string;
  readonly config: BertConfig;
  readonly taper: TaperConfig;
  readonly texts: readonly TokenIds[];
  /** The texts' characters; absent for random ids. */
  readonly source?: readonly Text[];
  /** Labels by id, one per text, where the file has them. */
  readonly labels?: readonly number[];
  /** Tokenises text t; absent for random ids. */
  readonly encode?: (t: number) => TokenIds;
  readonly open: OpenModel;
  /** `dense` is always there. */
  readonly ways: Readonly<Record<string, TitledWay>>;
  /** What a reader must know of random weights. */
  readonly note?: string;
}

export interface TitledWay extends RunWay {
  readonly title: string;
}

/** The way that saves most of those that a subject has. */
export function narrowestWay({ ways }: Pick<Subject, "ways">): string {
  return ["both", "scheduled", "skim", "exit"].find((name) => Object.hasOwn(ways, name)) ?? "dense";
}

/** What a model of these configurations can do besides being dense. */
export function abilitiesOfConfig(config: BertConfig, taper: TaperConfig): Abilities {
  return {
    predictors: (taper.skim?.predictorWidth ?? 0) > 0,
    attentionThresholds: taper.skim?.attentionThresholds !== undefined,
    exitHeads: taper.exit?.heads === true && config.task === "sequence-classification",
  };
}

/** The ablation of a trained model: `dials` complete the model's own. */
export function trainedWays(config: BertConfig, taper: TaperConfig, dials: Dials): Record<string, TitledWay> {
  const own: Dials = taper.dials ?? { skim: false, exit: false };
  const wanted: Dials = { skim: dials.skim ?? own.skim, exit: dials.exit ?? own.exit ?? false };
  const byName = ablationDials(wanted, abilitiesOfConfig(config, taper));
  return Object.fromEntries(
    Object.entries(byName).map(([name, way]) => [
      name,
      {
        title: wayTitles[name as WayName],
        options: () => way,
        ...(name === "dense-padded" && { padded: true }),
      },
    ]),
  );
}

/** The ablation of random weights, which decide nothing: they skim by the schedule, if there is one, by replaying it. */
export function scheduledWays(
  config: BertConfig,
  taper: TaperConfig,
  texts: readonly TokenIds[],
  shares: readonly number[] | undefined,
): Record<string, TitledWay> {
  const { "dense-padded": padded, dense, worst } = trainedWays(config, taper, { skim: false, exit: false });
  if (shares === undefined) return { "dense-padded": padded, dense, ...(worst && { worst }) };
  const replays = texts.map(({ ids }) => [scheduledTrace(ids.length, shares, config, taper)]);
  const options = (worst ?? dense).options;
  const scheduled = { title: "+ skim, by schedule", options: (t: number) => ({ ...options(t), replay: replays[t] }) };
  return { "dense-padded": padded, dense, scheduled, ...(worst && { worst }) };
}
