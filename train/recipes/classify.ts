/**
 * Joint fine-tuning of a classifier that narrows: the last head learns the labels (and a teacher's answers), the exit heads the same and
 * the last head's answer, masks to keep few rows. Every part may be absent, or frozen: exits trained last and alone, with the encoder
 * and the last head as they are, are Magic Pyramid's fourth stage.
 * Sources: Transkimmer https://arxiv.org/abs/2205.07324; Magic Pyramid https://arxiv.org/abs/2111.00230; FastBERT's self-distillation
 * https://arxiv.org/abs/2004.02178
 */
import type { Bert } from "../../bert/bert.ts";
import type { Handle } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { argmax } from "../../exit/criteria.ts";
import { answer, type ExitHead } from "../../exit/head.ts";
import { batchOf, type Dataset } from "../dataset.ts";
import { type EncodePlan, encode, planEncode } from "../encode.ts";
import type { Objective, Shard, Sums } from "../objective.ts";
import type { ExitTraining, TeacherTraining } from "../parts.ts";
import type { Seed, Tape } from "../tape.ts";
import { Lessons } from "./lessons.ts";
import { type Kept, layerShares, type MaskOptions, Masks } from "./masks.ts";

export interface ClassifyOptions extends MaskOptions {
  readonly exit?: ExitTraining | undefined;
  readonly teacher?: TeacherTraining | undefined;
}

export class Classify implements Objective {
  private readonly tape: Tape;
  private readonly bert: Bert;
  private readonly set: Dataset;
  private readonly options: ClassifyOptions;
  private readonly plan: EncodePlan;
  private readonly masks: Masks;
  private readonly lessons: Lessons;
  private readonly lastHead: ExitHead;
  /** The last head's answers, as the exit heads learn them. */
  private readonly own: Handle;
  /** Of each exit head in turn, and of the last head: [texts, c]. */
  private readonly logits: readonly Handle[];
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
    this.masks = new Masks(tape, bert, this.plan, capacity, options);
    this.lastHead = bert.taskHead.head;
    const c = bert.config.labels.length;
    const exits = options.exit ? (bert.exitHeads?.length ?? 0) : 0;
    const list = (count: number, length: number): Handle[] =>
      Array.from({ length: count }, () => tape.allocate(length));
    this.lessons = new Lessons(tape, exits + 1, capacity, c, options.teacher);
    this.own = tape.allocate(capacity * c);
    this.logits = list(exits + 1, capacity * c);
    this.distilled = list(exits, capacity);
  }

  async forward(shard: Shard): Promise<{ seeds: Seed[]; sums: Sums }> {
    const { tape, bert, set, masks, lessons, logits } = this;
    const batch = batchOf(set, shard.texts, bert.config);
    const { starts } = batch;
    const texts = shard.texts.length;
    const n = batch.ids.length;
    const c = bert.config.labels.length;
    const cls = starts.subarray(0, texts);
    const last = logits.length - 1;
    const state = encode(tape, bert, this.plan, batch, {
      ...masks.policy(shard, n, texts),
      ...(last > 0 && { afterLayer: (l: number, hidden: Handle) => this.answerAt(l, hidden, cls, n) }),
    });
    this.head(this.lastHead, state, cls, n, logits[last]);
    const labels = shard.texts.map((text) => set.labels[text]);
    lessons.give(logits, labels, this.taughtOf(shard.texts, c));
    this.distil(texts, c);
    const kept = await masks.count(shard, n, texts);
    const seeds = shard.learns ? this.seeds(shard, texts, starts, kept) : [];
    const answers = await Promise.all(logits.map((handle) => tape.read(handle, texts * c)));
    const own = answersOf(answers[last], c);
    // What has no label is asked for what the last head says.
    const asked = labels.map((label, i) => (label < 0 ? own[i] : label));
    const right = answers.map((values) => answersOf(values, c).filter((answer, i) => answer === asked[i]).length);
    const sums: Sums = {
      asked: texts,
      correct: right[last],
      loss: await lessons.loss(last, texts),
      ...kept,
      exitCorrect: right.slice(0, last),
    };
    return { seeds, sums };
  }

  private taughtOf(texts: readonly number[], c: number): Float32Array {
    const { taught } = this.set;
    const rows = new Float32Array(taught.length === 0 ? 0 : texts.length * c);
    if (rows.length > 0)
      for (const [i, text] of texts.entries()) rows.set(taught.subarray(text * c, text * c + c), i * c);
    return rows;
  }

  private distil(n: number, c: number): void {
    const { tape, logits, distilled, own } = this;
    if (distilled.length === 0) return;
    tape.op("softmax", { out: own, x: logits[distilled.length], n, m: c });
    for (const [i, loss] of distilled.entries()) {
      tape.op("distillation", { loss, logits: logits[i], targets: own, temperature: 1, n, c });
    }
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

  private seeds(shard: Shard, texts: number, starts: Int32Array, kept: Kept): Seed[] {
    const { lessons, distilled, masks, options } = this;
    const last = distilled.length;
    const each = (weight: number): Float32Array => new Float32Array(texts).fill(weight / shard.batchTexts);
    const seeds = lessons.seeds(last, each);
    const { exit } = options;
    if (exit !== undefined) {
      for (const [l, share] of layerShares(last, exit.decay).entries()) {
        if (exit.labels > 0) seeds.push(...lessons.seeds(l, (factor) => each(share * exit.labels * factor)));
        if (exit.distillation > 0) seeds.push({ handle: distilled[l], gradient: each(share * exit.distillation) });
      }
    }
    return [...seeds, ...masks.seeds(shard, starts, kept)];
  }
}

/** The most probable class of each row of logits [n, c]. */
export function answersOf(logits: Float32Array, c: number): number[] {
  return Array.from({ length: logits.length / c }, (_, i) => argmax(logits.subarray(i * c, (i + 1) * c)));
}
