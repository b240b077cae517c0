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
import { hashOf } from "../engine/random.ts";
import type { TrainingBackend } from "../kernels/index.ts";
import type { TrainConfig } from "./config.ts";
import { type Dataset, shardCapacity } from "./dataset.ts";
import { type Layout, layoutOf, tapeSource } from "./layout.ts";
import { noSums, type Objective, type Shard, type Sums } from "./objective.ts";
import type { Parameter } from "./parameter.ts";
import { Classify } from "./recipes/classify.ts";
import { type MaskingVocabulary, Mlm, type MlmHead, mlmHead } from "./recipes/mlm.ts";
import { Tape } from "./tape.ts";

/** Everything that is the same for all replicas; plain data, so that it can be sent to a worker. */
export interface RunPlan {
  readonly train: Pick<TrainConfig, "recipe" | "mlm" | "skim" | "exit" | "dropout" | "tokensPerStep" | "maxTokens">;
  readonly config: BertConfig;
  readonly taper: TaperConfig;
  readonly vocabulary: MaskingVocabulary;
  readonly workers: number;
}

interface Parts {
  readonly bert: Bert;
  readonly head: MlmHead | undefined;
}

function buildParts({ config, taper, train }: RunPlan, source: ParameterSource): Parts {
  const bert = buildBert(config, taper, source);
  return { bert, head: train.recipe === "mlm" ? mlmHead(source, config) : undefined };
}

/** The parameters that a run trains. */
export function layoutOfRun(plan: RunPlan): Layout {
  return layoutOf((source) => buildParts(plan, source));
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
    const { bert, head } = buildParts(plan, source);
    this.parameters = parameters;
    const { tokensPerStep, maxTokens, mlm, skim, exit } = plan.train;
    const capacity = shardCapacity(tokensPerStep, maxTokens, plan.workers);
    this.objective =
      head === undefined
        ? new Classify(this.tape, bert, set, capacity, { skim, exit })
        : new Mlm(this.tape, bert, head, set, capacity, mlm, plan.vocabulary);
  }

  /** Multiply–accumulates executed so far, forward and backward. */
  get macs(): number {
    return this.tape.macs;
  }

  refresh(values: Float32Array | Float64Array): void {
    for (const [i, parameter] of this.parameters.entries()) {
      const { offset, length } = this.layout.segments[i];
      parameter.set(values.subarray(offset, offset + length));
    }
  }

  /** The figures of a shard and, if it learns, its gradients, which `readGradients` hands out. */
  async run(shard: Shard): Promise<Sums> {
    const seed = hashOf(shard.seed);
    this.tape.begin({ probability: shard.learns ? this.plan.train.dropout : 0, seed });
    if (shard.texts.length === 0) return noSums;
    const { seeds, sums } = await this.objective.forward(shard);
    if (shard.learns) this.tape.backward(seeds);
    return sums;
  }

  /**
   * Copies the gradients of the last shard into `out` [layout.length]; of a table, only the rows that are returned for its
   * segment. Where nothing is returned, the whole segment is written.
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
