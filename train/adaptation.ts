/**
 * The plan by which somebody's own dense classifier learns to narrow: a list of training runs, as a config file would have them. The texts'
 * labels are not looked at: the model's own dense answers are what is learned.
 */
import type { BertConfig } from "../bert/config.ts";

export interface AdaptOptions {
  /** The model's directory. */
  readonly from: string;
  readonly config: BertConfig;
  /** A file of texts. */
  readonly data: string;
  /** How tokens leave: by thresholds on the attention that they get (no new arithmetic), by predictors before each layer, or not at all. */
  readonly skim: "thresholds" | "predictors" | "none";
  /** Whether embeddings, layers and the last head also learn, to live with fewer tokens; else they stay bit for bit what they are. */
  readonly backbone: boolean;
  /** Of each run. */
  readonly epochs: number;
  readonly maxTokens: number;
  readonly tokensPerStep: number;
  /** λ of the skimming. */
  readonly weight: number;
  readonly seed: number;
}

/** The gate on predictors: narrow, and open at first. */
const predictors = { predictorWidth: 16, biasStart: 1, ramp: 0.5 };

/** A config of one or more stages; the last has exit heads. */
export function adaptationPlan(options: AdaptOptions): { stages: object[] } {
  const { from, config, data, skim, backbone, epochs, maxTokens, tokensPerStep, weight, seed } = options;
  const teacher = { from, weight: 1, temperature: 2 };
  const run = (more: object, learningRate: number): object => ({
    recipe: "classify",
    seed,
    labels: config.labels,
    data: [],
    unlabelled: [data],
    maxTokens,
    tokensPerStep,
    epochs,
    optimizer: { learningRate, warmup: 0.1 },
    teacher,
    ...more,
  });
  // New, small parts need a rate that would disturb a backbone: they learn before it does.
  const [newRate, oldRate] = [1e-3, 5e-5];
  const asItIs = { freeze: ["encoder", "classifier"] };
  // Importance is a share of a text's attention, about 1 ÷ its tokens: an absolute threshold starts below that of the longest.
  const soft = { stage: "soft", start: 0.5 / maxTokens, temperature: 0.1 / maxTokens, weight };
  const exits = { exit: { labels: 0, distillation: 1 } };
  if (skim === "none") return { stages: [{ from, ...run({ ...exits, ...asItIs }, newRate) }] };
  if (skim === "predictors") {
    const narrows = { skim: { ...predictors, weight } };
    return {
      stages: [
        { from, ...run({ ...narrows, ...asItIs }, newRate) },
        ...(backbone ? [run({ skim: { ...narrows.skim, ramp: 0 } }, oldRate)] : []),
        run({ skim: predictors, ...exits, freeze: [...asItIs.freeze, "predictors"] }, newRate),
      ],
    };
  }
  const hard = { threshold: { stage: "hard" } };
  return {
    stages: [
      { from, ...run({ threshold: soft, ...asItIs }, newRate) },
      ...(backbone ? [run(hard, oldRate)] : []),
      run({ ...hard, ...exits, ...asItIs }, newRate),
    ],
  };
}
