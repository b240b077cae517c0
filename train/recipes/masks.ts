/**
 * Who is alive in a training forward: the masks that predictors and thresholds make, layer by layer, how many rows they keep, and what
 * keeping costs. The same for texts and for tokens; it knows no task.
 * Sources: Transkimmer https://arxiv.org/abs/2205.07324; Learned Token Pruning https://arxiv.org/abs/2107.00910
 */
import type { Bert } from "../../bert/bert.ts";
import type { MaskPolicy } from "../../bert/masked.ts";
import type { Handle } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { view } from "../../engine/view.ts";
import { scoreRows } from "../../skim/predictor.ts";
import type { EncodePlan } from "../encode.ts";
import type { Shard } from "../objective.ts";
import type { SkimTraining, ThresholdTraining } from "../parts.ts";
import type { Seed, Tape } from "../tape.ts";

export interface MaskOptions {
  readonly skim?: SkimTraining | undefined;
  readonly threshold?: ThresholdTraining | undefined;
  /** θ_l, one value each, where they learn; else those of the model are taken as constants. */
  readonly thresholds?: readonly Handle[] | undefined;
  /** Predictors decide as they will when the model runs: no noise, and no cost of keeping. */
  readonly predictorsAreFrozen?: boolean | undefined;
}

/** λ at a point of the run: 0 until `from`, then rising linearly over `ramp` (both are parts of the run). */
export function skimWeightAt({ weight, from, ramp }: SkimTraining, progress: number): number {
  if (progress < from) return 0;
  return ramp === 0 ? weight : weight * Math.min(1, (progress - from) / ramp);
}

/** What counts less in each further layer, together 1: in layer l in proportion to decay^l. */
export function layerShares(layers: number, decay: number): number[] {
  const shares = Array.from({ length: layers }, (_, l) => decay ** l);
  const total = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / total);
}

/** Rows kept, and rows that could have been kept, over all masks; [CLS] not counted. */
export interface Kept {
  readonly kept: number;
  readonly keepable: number;
}

export class Masks {
  private readonly tape: Tape;
  private readonly bert: Bert;
  private readonly plan: EncodePlan;
  private readonly options: MaskOptions;
  private readonly ones: Handle;
  private readonly noise: Handle;
  private readonly skimmed: readonly Handle[];
  private readonly pruned: readonly Handle[];
  private readonly thresholds: readonly Handle[];

  constructor(tape: Tape, bert: Bert, plan: EncodePlan, capacity: number, options: MaskOptions) {
    this.tape = tape;
    this.bert = bert;
    this.plan = plan;
    this.options = options;
    const { layers } = bert.config;
    const list = (count: number): Handle[] => Array.from({ length: count }, () => tape.allocate(capacity));
    this.ones = tape.upload(view(new Float32Array(capacity).fill(1), [capacity]));
    this.noise = tape.allocate(capacity);
    if (options.skim && bert.predictors === undefined) throw lacks("skim predictors", "skim");
    if (options.threshold && bert.attentionThresholds === undefined) throw lacks("attention thresholds", "threshold");
    this.skimmed = list(options.skim ? layers : 0);
    this.pruned = list(options.threshold ? layers : 0);
    const constants = (options.threshold && bert.attentionThresholds) ?? [];
    this.thresholds =
      options.thresholds ?? constants.map((threshold) => tape.upload(view(Float32Array.of(threshold), [1])));
  }

  /** The hooks of one forward over `n` rows; none for a dense one. */
  policy(shard: Shard, n: number, texts: number): Pick<MaskPolicy, "before" | "after"> {
    const { skim, threshold } = this.active(shard);
    return {
      ...(skim && { before: (l, hidden, mask) => this.skim(l, hidden, mask, n, texts, skim, shard) }),
      ...(threshold && {
        after: (l, importance, mask) => this.prune(l, importance, mask, n, texts, threshold, shard),
      }),
    };
  }

  /** After the forward. */
  async count(shard: Shard, n: number, texts: number): Promise<Kept> {
    const handles = this.written(shard);
    const masks = await Promise.all(handles.map((mask) => this.tape.read(mask, n)));
    const total = masks.reduce((sum, mask) => sum + mask.reduce((a, b) => a + b, 0), 0);
    return { kept: total - handles.length * texts, keepable: handles.length * (n - texts) };
  }

  /** λ · mean over texts, layers (weighted by the decay) and a text's rows of the mask, [CLS] not counted: where that costs anything. */
  seeds(shard: Shard, starts: Int32Array, { kept, keepable }: Kept): Seed[] {
    const { skim, threshold } = this.active(shard);
    const ratio = keepable > 0 ? kept / keepable : 1;
    const seeds: Seed[] = [];
    const add = (masks: readonly Handle[], weight: number, decay = 1): void => {
      if (weight === 0) return;
      for (const [l, share] of layerShares(masks.length, decay).entries()) {
        seeds.push({ handle: masks[l], gradient: rowWeights(starts, (weight * share) / shard.batchTexts) });
      }
    };
    if (skim && !this.options.predictorsAreFrozen && ratio > skim.target) {
      add(this.skimmed, skimWeightAt(skim, shard.progress), skim.decay);
    }
    if (threshold?.stage === "soft" && ratio > threshold.target) add(this.pruned, threshold.weight);
    return seeds;
  }

  /** What narrows in this forward. */
  private active(shard: Shard): Pick<MaskOptions, "skim" | "threshold"> {
    const { skim, threshold } = this.options;
    if (shard.dense) return {};
    return { skim: skim && shard.progress >= skim.from ? skim : undefined, threshold };
  }

  private written(shard: Shard): Handle[] {
    const { skim, threshold } = this.active(shard);
    return [...(skim ? this.skimmed : []), ...(threshold ? this.pruned : [])];
  }

  private skim(
    l: number,
    hidden: Handle,
    mask: Handle | undefined,
    n: number,
    texts: number,
    { temperature }: SkimTraining,
    { learns, seed }: Shard,
  ): Handle {
    const { tape, bert, plan, skimmed } = this;
    const buffers = plan.scratch.predictor;
    if (bert.predictors === undefined || buffers === undefined) throw lacks("skim predictors", "skim");
    scoreRows(tape, bert.predictors[l], hidden, n, bert.config.d, buffers);
    const isNoisy = learns && !this.options.predictorsAreFrozen;
    if (isNoisy) tape.write(this.noise, logisticNoise(new Random(`${seed} skim ${l}`), n));
    tape.op("keepMask", {
      out: skimmed[l],
      logits: buffers.keepLogits,
      noise: isNoisy ? this.noise : undefined,
      previous: mask ?? this.ones,
      starts: plan.scratch.rows.starts,
      threshold: 0,
      temperature,
      n,
      texts,
    });
    return skimmed[l];
  }

  private prune(
    l: number,
    importance: Handle,
    mask: Handle | undefined,
    n: number,
    texts: number,
    { stage, temperature }: ThresholdTraining,
    { learns }: Shard,
  ): Handle {
    this.tape.op("thresholdMask", {
      out: this.pruned[l],
      importance,
      threshold: this.thresholds[l],
      previous: mask ?? this.ones,
      starts: this.plan.scratch.rows.starts,
      temperature: stage === "soft" && learns ? temperature : 0,
      n,
      texts,
    });
    return this.pruned[l];
  }
}

function lacks(part: string, setting: string): TaperError {
  return new TaperError("ERR_CONFIG", `"${setting}": expected a model with ${part}, found one without.`);
}

/** For each row but [CLS]: `weight` shared out over its text's rows. */
function rowWeights(starts: Int32Array, weight: number): Float32Array {
  const texts = starts.length - 1;
  const weights = new Float32Array(starts[texts]);
  for (let t = 0; t < texts; t++) {
    const rows = starts[t + 1] - starts[t];
    for (let i = starts[t] + 1; i < starts[t + 1]; i++) weights[i] = weight / (rows - 1);
  }
  return weights;
}

/** Differences of two Gumbel samples: logistic samples. */
export function logisticNoise(random: Random, n: number): Float32Array {
  const noise = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const u = Math.min(Math.max(random.uniform(), 1e-7), 1 - 1e-7);
    noise[i] = Math.log(u / (1 - u));
  }
  return noise;
}
