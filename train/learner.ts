/**
 * One replica of the model with everything it needs to learn: a tape over a backend, the model's parts on it, and the recipe's
 * objective. It computes gradients of its shard; who adds them up and updates the parameters is not its affair.
 */
import type { Bert } from "../bert/bert.ts";
import { buildBert } from "../bert/build.ts";
import type { BertConfig } from "../bert/config.ts";
import type { ParameterSource } from "../bert/parameters.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import type { Handle } from "../engine/backend.ts";
import { TaperError } from "../engine/errors.ts";
import { hashOf } from "../engine/random.ts";
import type { TrainingBackend } from "../kernels/index.ts";
import type { Freezable, TrainConfig } from "./config.ts";
import { type Dataset, shardCapacity } from "./dataset.ts";
import { type Layout, type Learns, layoutOf, tapeSource } from "./layout.ts";
import { noSums, type Objective, type Shard, type Sums } from "./objective.ts";
import type { Parameter } from "./parameter.ts";
import { Classify } from "./recipes/classify.ts";
import { type MaskingVocabulary, Mlm, type MlmHead, mlmHead } from "./recipes/mlm.ts";
import { Tag } from "./recipes/tag.ts";
import { Tape } from "./tape.ts";

type PartName = "skim" | "threshold" | "exit" | "teacher";

/** Everything that is the same for all replicas; plain data, so that it can be sent to a worker. */
export interface RunPlan {
  readonly train: Pick<TrainConfig, "recipe" | "mlm" | "dropout" | "tokensPerStep" | "maxTokens" | "freeze" | PartName>;
  readonly config: BertConfig;
  readonly taper: TaperConfig;
  readonly vocabulary: MaskingVocabulary;
  readonly workers: number;
}

interface Parts {
  readonly bert: Bert;
  readonly head: MlmHead | undefined;
  /** θ_l where they learn. */
  readonly thresholds: readonly Handle[] | undefined;
}

/** Where θ_l lies among what is trained; stored models have it in taperbert.json. */
export const thresholdName = (l: number): string => `attention_thresholds.${l}`;

function buildParts({ config, taper, train }: RunPlan, source: ParameterSource): Parts {
  const bert = buildBert(config, taper, source);
  const learnsThresholds = train.threshold?.stage === "soft";
  return {
    bert,
    head: train.recipe === "mlm" ? mlmHead(source, config) : undefined,
    thresholds: learnsThresholds
      ? Array.from({ length: config.layers }, (_, l) => source.vector([thresholdName(l)], 1))
      : undefined,
  };
}

const freezableNames: Readonly<Record<Freezable, RegExp>> = {
  encoder: /^bert\.(embeddings|encoder\.layer)\./,
  classifier: /^(bert\.pooler|classifier)\./,
  predictors: /^bert\.encoder\.skim_predictors\./,
  exits: /^bert\.encoder\.exit_heads\./,
};

/** The parameters of a run, and how each learns. Throws ERR_CONFIG if none does. */
export function layoutOfRun(plan: RunPlan): Layout {
  const { freeze } = plan.train;
  const learnsOf = (name: string): Learns => {
    if (name.startsWith("attention_thresholds.")) return "apart";
    return freeze.some((part) => freezableNames[part].test(name)) ? "frozen" : "model";
  };
  const layout = layoutOf((source) => buildParts(plan, source), learnsOf);
  if (layout.segments.some(({ learns }) => learns !== "frozen")) return layout;
  throw new TaperError(
    "ERR_CONFIG",
    `"freeze": expected something left to learn, found ${freeze.join(", ")} and nothing else.`,
  );
}

export class Learner {
  readonly layout: Layout;
  private readonly plan: RunPlan;
  private readonly tape: Tape;
  private readonly objective: Objective;
  private readonly parameters: readonly Parameter<Handle>[];

  /** `values` [layout.length] are copied to the backend; `refresh` copies them again. */
  constructor(plan: RunPlan, backend: TrainingBackend<Handle>, values: Float32Array | Float64Array, set: Dataset) {
    this.plan = plan;
    this.tape = new Tape(backend);
    this.layout = layoutOfRun(plan);
    const { source, parameters } = tapeSource(this.tape, this.layout, values);
    const { bert, head, thresholds } = buildParts(plan, source);
    this.parameters = parameters;
    const { recipe, tokensPerStep, maxTokens, mlm, skim, threshold, exit, teacher, freeze } = plan.train;
    const capacity = shardCapacity(tokensPerStep, maxTokens, plan.workers);
    const options = { skim, threshold, thresholds, teacher, predictorsAreFrozen: freeze.includes("predictors") };
    if (head !== undefined) this.objective = new Mlm(this.tape, bert, head, set, capacity, mlm, plan.vocabulary);
    else if (recipe === "tag") this.objective = new Tag(this.tape, bert, set, capacity, options);
    else this.objective = new Classify(this.tape, bert, set, capacity, { ...options, exit });
  }

  /** Multiply–accumulates executed so far, forward and backward. */
  get macs(): number {
    return this.tape.macs;
  }

  refresh(values: Float32Array | Float64Array): void {
    for (const [i, parameter] of this.parameters.entries()) {
      if (parameter.isFrozen) continue;
      const { offset, length } = this.layout.segments[i];
      parameter.set(values.subarray(offset, offset + length));
    }
  }

  /** The figures of a shard and, if it learns, its gradients, which `readGradients` hands out. */
  async run(shard: Shard): Promise<Sums> {
    const seed = hashOf(shard.seed);
    const { dropout, freeze } = this.plan.train;
    // What is frozen answers as it will when it runs.
    const probability = shard.learns && !freeze.includes("encoder") ? dropout : 0;
    this.tape.begin({ probability, seed });
    if (shard.texts.length === 0) return noSums;
    const { seeds, sums } = await this.objective.forward(shard);
    if (shard.learns) this.tape.backward(seeds);
    return sums;
  }

  /**
   * Copies the gradients of the last shard into `out` [layout.length]; of a table, only the rows that are returned for its
   * segment. Where nothing is returned, the whole segment is written, unless it is frozen.
   */
  async readGradients(out: Float32Array): Promise<(readonly number[] | undefined)[]> {
    const touched: (readonly number[] | undefined)[] = [];
    for (const [i, parameter] of this.parameters.entries()) {
      const { offset, length } = this.layout.segments[i];
      await parameter.readGradient(out.subarray(offset, offset + length));
      touched.push(parameter.touchedRows);
    }
    return touched;
  }

  dispose(): void {
    this.tape.dispose();
  }
}
