/**
 * Token classification by a model that narrows: the classifier reads every token's last state, and a token that was skimmed carries the
 * state that it left with. Depth is a token's own: it leaves at whatever layer a mask says. There are no exits; those answer for texts.
 * Source: Transkimmer https://arxiv.org/abs/2205.07324, section 3.3 (states forwarded to the output)
 */
import type { Bert } from "../../bert/bert.ts";
import type { Handle } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import type { Linear } from "../../kernels/linear.ts";
import { batchOf, type Dataset } from "../dataset.ts";
import { type EncodePlan, encode, planEncode } from "../encode.ts";
import type { Objective, Shard, Sums } from "../objective.ts";
import type { TeacherTraining } from "../parts.ts";
import type { Seed, Tape } from "../tape.ts";
import { answersOf } from "./classify.ts";
import { Lessons } from "./lessons.ts";
import { type MaskOptions, Masks } from "./masks.ts";

export interface TagOptions extends MaskOptions {
  readonly teacher?: TeacherTraining | undefined;
}

export class Tag implements Objective {
  private readonly tape: Tape;
  private readonly bert: Bert;
  private readonly set: Dataset;
  private readonly plan: EncodePlan;
  private readonly masks: Masks;
  private readonly lessons: Lessons;
  private readonly classifier: Linear;
  private readonly logits: Handle;

  constructor(tape: Tape, bert: Bert, set: Dataset, capacity: number, options: TagOptions) {
    if (bert.taskHead.reads !== "tokens") {
      throw new TaperError("ERR_CONFIG", "recipe tag trains token-classification models.");
    }
    this.tape = tape;
    this.bert = bert;
    this.set = set;
    this.plan = planEncode(tape, bert, capacity);
    this.masks = new Masks(tape, bert, this.plan, capacity, options);
    this.classifier = bert.taskHead.classifier;
    this.lessons = new Lessons(tape, 1, capacity, this.classifier.m, options.teacher);
    this.logits = this.plan.scratch.tokenLogits;
  }

  async forward(shard: Shard): Promise<{ seeds: Seed[]; sums: Sums }> {
    const { tape, bert, set, masks, lessons, logits, classifier } = this;
    const batch = batchOf(set, shard.texts, bert.config);
    const texts = shard.texts.length;
    const n = batch.ids.length;
    const c = classifier.m;
    const state = encode(tape, bert, this.plan, batch, masks.policy(shard, n, texts));
    tape.op("matmul", { out: logits, a: state, ...classifier, n });
    const tags = joined(new Int32Array(n), shard.texts, (text) =>
      set.tags.subarray(set.starts[text], set.starts[text + 1]),
    );
    const isTaught = set.taught.length > 0;
    const taught = joined(new Float32Array(isTaught ? n * c : 0), isTaught ? shard.texts : [], (text) =>
      set.taught.subarray(set.starts[text] * c, set.starts[text + 1] * c),
    );
    lessons.give([logits], tags, taught);
    const kept = await masks.count(shard, n, texts);
    const each = (weight: number): Float32Array =>
      Float32Array.from(tags, (tag) => (tag < 0 ? 0 : weight / Math.max(1, shard.batchAsked)));
    const seeds = shard.learns ? [...lessons.seeds(0, each), ...masks.seeds(shard, batch.starts, kept)] : [];
    const answers = answersOf(await tape.read(logits, n * c), c);
    const sums: Sums = {
      asked: tags.filter((tag) => tag >= 0).length,
      correct: tags.filter((tag, i) => tag >= 0 && answers[i] === tag).length,
      loss: await lessons.loss(0, n),
      ...kept,
      exitCorrect: [],
    };
    return { seeds, sums };
  }
}

/** The parts of several texts, end to end, in `out`. */
function joined<T extends Int32Array | Float32Array>(out: T, texts: readonly number[], partOf: (text: number) => T): T {
  let at = 0;
  for (const text of texts) {
    const part = partOf(text);
    out.set(part, at);
    at += part.length;
  }
  return out;
}
