/**
 * Joint fine-tuning of a classifier that narrows: cross-entropy of the last head; the exit heads learn the labels and the last
 * head's answer; the predictors learn, through straight-through Gumbel masks, to keep few rows. Either part may be absent.
 * Sources: Transkimmer https://arxiv.org/abs/2205.07324; FastBERT's self-distillation https://arxiv.org/abs/2004.02178
 */
import type { Bert } from "../../bert/bert.ts";
import type { MaskPolicy } from "../../bert/masked.ts";
import type { Handle } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { view } from "../../engine/view.ts";
import { argmax } from "../../exit/criteria.ts";
import { answer, type ExitHead } from "../../exit/head.ts";
import { scoreRows } from "../../skim/predictor.ts";
import type { ExitTraining, SkimTraining } from "../config.ts";
import { batchOf, type Dataset } from "../dataset.ts";
import { type EncodePlan, encode, planEncode } from "../encode.ts";
import type { Objective, Shard, Sums } from "../objective.ts";
import type { Seed, Tape } from "../tape.ts";

export interface ClassifyOptions {
  readonly skim?: SkimTraining | undefined;
  readonly exit?: ExitTraining | undefined;
}

/** λ at a point of the run: 0 until `from`, then rising linearly over `ramp` (both are parts of the run). */
export function skimWeightAt({ weight, from, ramp }: SkimTraining, progress: number): number {
  if (progress < from) return 0;
  return ramp === 0 ? weight : weight * Math.min(1, (progress - from) / ramp);
}

/** How much each exit head's loss counts: all alike, together 1. The early ones are where most texts should be answered. */
export function headWeights(heads: number): number[] {
  return new Array<number>(heads).fill(1 / heads);
}

export class Classify implements Objective {
  private readonly tape: Tape;
  private readonly bert: Bert;
  private readonly set: Dataset;
  private readonly options: ClassifyOptions;
  private readonly plan: EncodePlan;
  private readonly lastHead: ExitHead;
  private readonly ones: Handle;
  private readonly noise: Handle;
  private readonly masks: readonly Handle[];
  private readonly labels: Handle;
  private readonly teacher: Handle;
  /** Of each exit head in turn, and of the last head: [texts, c]. */
  private readonly logits: readonly Handle[];
  private readonly loss: readonly Handle[];
  private readonly distilled: readonly Handle[];

  constructor(tape: Tape, bert: Bert, set: Dataset, capacity: number, options: ClassifyOptions) {
    if (bert.taskHead.reads !== "cls") {
      throw new TaperError("ERR_CONFIG", "recipe classify trains sequence-classification models.");
    }
    this.tape = tape;
    this.bert = bert;
    this.set = set;
    this.options = options;
    this.plan = planEncode(tape, bert, capacity);
    this.lastHead = bert.taskHead.head;
    const { layers, labels } = bert.config;
    const heads = (options.exit ? (bert.exitHeads?.length ?? 0) : 0) + 1;
    const list = (count: number, length: number): Handle[] =>
      Array.from({ length: count }, () => tape.allocate(length));
    this.ones = tape.upload(view(new Float32Array(capacity).fill(1), [capacity]));
    this.noise = tape.allocate(capacity);
    this.masks = list(options.skim ? layers : 0, capacity);
    this.labels = tape.allocate(capacity, "i32");
    this.teacher = tape.allocate(capacity * labels.length);
    this.logits = list(heads, capacity * labels.length);
    this.loss = list(heads, capacity);
    this.distilled = list(heads - 1, capacity);
  }

  async forward(shard: Shard): Promise<{ seeds: Seed[]; sums: Sums }> {
    const { tape, bert, set, options, logits, loss } = this;
    const { config } = bert;
    const batch = batchOf(set, shard.texts, config);
    const { starts } = batch;
    const texts = shard.texts.length;
    const n = batch.ids.length;
    const c = config.labels.length;
    const cls = starts.subarray(0, texts);
    const last = logits.length - 1;
    const skim = shard.dense ? undefined : options.skim;
    const hasBegun = skim !== undefined && shard.progress >= skim.from;
    const policy: MaskPolicy = {
      ...(skim && hasBegun && { before: (l, hidden, mask) => this.mask(l, hidden, mask, n, texts, skim, shard) }),
      ...(last > 0 && { afterLayer: (l, hidden) => this.answerAt(l, hidden, cls, n) }),
    };
    const state = encode(tape, bert, this.plan, batch, policy);
    this.head(this.lastHead, state, cls, n, logits[last]);
    tape.write(
      this.labels,
      shard.texts.map((text) => set.labels[text]),
    );
    for (const [i, handle] of logits.entries()) {
      tape.op("crossEntropy", { loss: loss[i], logits: handle, labels: this.labels, n: texts, c });
    }
    if (last > 0) {
      tape.op("softmax", { out: this.teacher, x: logits[last], n: texts, m: c });
      for (const [i, distilled] of this.distilled.entries()) {
        tape.op("distillation", {
          loss: distilled,
          logits: logits[i],
          targets: this.teacher,
          temperature: 1,
          n: texts,
          c,
        });
      }
    }
    const kept = skim && hasBegun ? await this.keptRows(n, texts) : 0;
    const keepable = skim && hasBegun ? config.layers * (n - texts) : 0;
    const seeds = shard.learns ? this.seeds(shard, texts, n, starts, keepable > 0 ? kept / keepable : 1) : [];
    const answers = await Promise.all(logits.map((handle) => tape.read(handle, texts * c)));
    const right = answers.map((values) => this.countRight(values, shard.texts, c));
    const losses = await tape.read(loss[last], texts);
    const sums: Sums = {
      asked: texts,
      correct: right[last],
      loss: losses.reduce((a, b) => a + b, 0),
      kept,
      keepable,
      exitCorrect: right.slice(0, last),
    };
    return { seeds, sums };
  }

  private mask(
    l: number,
    hidden: Handle,
    mask: Handle | undefined,
    n: number,
    texts: number,
    { temperature }: SkimTraining,
    { learns, seed }: Shard,
  ): Handle {
    const { tape, bert, plan, masks } = this;
    const buffers = plan.scratch.predictor;
    if (bert.predictors === undefined || buffers === undefined) {
      throw new TaperError("ERR_CONFIG", "training skims, but the model has no skim predictors.");
    }
    scoreRows(tape, bert.predictors[l], hidden, n, bert.config.d, buffers);
    if (learns) tape.write(this.noise, logisticNoise(new Random(`${seed} skim ${l}`), n));
    tape.op("keepMask", {
      out: masks[l],
      logits: buffers.keepLogits,
      noise: learns ? this.noise : undefined,
      previous: mask ?? this.ones,
      starts: plan.scratch.rows.starts,
      threshold: 0,
      temperature,
      n,
      texts,
    });
    return masks[l];
  }

  private answerAt(l: number, hidden: Handle, cls: Int32Array, n: number): void {
    const heads = this.bert.exitHeads;
    if (heads === undefined || l >= heads.length) return;
    const reads = this.options.exit?.intoEncoder ? hidden : this.tape.detach(hidden);
    this.head(heads[l], reads, cls, n, this.logits[l]);
  }

  private head(head: ExitHead, hidden: Handle, cls: Int32Array, n: number, logits: Handle): void {
    answer(this.tape, head, hidden, cls, n, this.bert.config.d, { ...this.plan.scratch.head, logits });
  }

  private async keptRows(n: number, texts: number): Promise<number> {
    const { layers } = this.bert.config;
    const masks = await Promise.all(this.masks.map((mask) => this.tape.read(mask, n)));
    return masks.reduce((sum, mask) => sum + mask.reduce((a, b) => a + b, 0), 0) - layers * texts;
  }

  private seeds(shard: Shard, texts: number, n: number, starts: Int32Array, keptRatio: number): Seed[] {
    const { loss, distilled, masks, options } = this;
    const last = loss.length - 1;
    const each = (weight: number): Float32Array => new Float32Array(texts).fill(weight / shard.batchTexts);
    const seeds: Seed[] = [{ handle: loss[last], gradient: each(1) }];
    const { exit, skim } = options;
    if (exit !== undefined) {
      for (const [l, share] of headWeights(last).entries()) {
        if (exit.labels > 0) seeds.push({ handle: loss[l], gradient: each(share * exit.labels) });
        if (exit.distillation > 0) seeds.push({ handle: distilled[l], gradient: each(share * exit.distillation) });
      }
    }
    if (skim === undefined || shard.dense || shard.progress < skim.from || keptRatio <= skim.target) return seeds;
    // The loss is λ · mean over texts, layers and a text's rows of the mask, [CLS] not counted.
    const weight = skimWeightAt(skim, shard.progress) / (masks.length * shard.batchTexts);
    const gradient = new Float32Array(n);
    for (let t = 0; t < texts; t++) {
      const rows = starts[t + 1] - starts[t];
      for (let i = starts[t] + 1; i < starts[t + 1]; i++) gradient[i] = weight / (rows - 1);
    }
    for (const handle of masks) seeds.push({ handle, gradient });
    return seeds;
  }

  private countRight(logits: Float32Array, texts: readonly number[], c: number): number {
    let right = 0;
    for (const [i, text] of texts.entries()) {
      if (argmax(logits.subarray(i * c, (i + 1) * c)) === this.set.labels[text]) right++;
    }
    return right;
  }
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
