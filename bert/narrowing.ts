/**
 * How rows and texts leave one running forward: asks the policies, obeys a replayed trace where there is one, forwards the state of
 * whatever leaves to the output, and writes the journal. It decides nothing by itself and computes no hidden state.
 */
import { type Handle, whenHere } from "../engine/backend.ts";
import type { Rows } from "../engine/rows.ts";
import { exitMargin, wantsAnswer } from "../exit/criteria.ts";
import { answer, answerWithRelu, type ExitHead } from "../exit/head.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { importanceMargins, keepOf, predictorMargins } from "../skim/policy.ts";
import { scoreRows } from "../skim/predictor.ts";
import type { TokenBatch } from "./batch.ts";
import type { Bert } from "./bert.ts";
import type { Plan } from "./dials.ts";
import type { Scratch } from "./scratch.ts";
import { Journal, stepAfterAttention, stepBefore, type Trace } from "./trace.ts";

/** Where a replayed forward would itself have decided otherwise. With a deadline, exits are not compared: clocks never agree. */
export interface Flips {
  count: number;
  /** The largest |margin| among them, in the units of the criterion (patience: answers); 0 if there are none. */
  largestMargin: number;
}

export interface NarrowingOptions {
  readonly plan: Plan;
  /** Keep the last state of every row in `scratch.output`. */
  readonly keepStates: boolean;
  readonly replay?: readonly Trace[] | undefined;
  /** `performance.now()` at which the deadline's clock started. */
  readonly startedAt: number;
}

export class Narrowing {
  readonly journal: Journal;
  readonly flips: Flips = { count: 0, largestMargin: 0 };
  /** Each text's logits at the heads so far, the newest last. */
  readonly answers: Float32Array[][];
  private readonly backend: InferenceBackend;
  private readonly bert: Bert;
  private readonly scratch: Scratch;
  private readonly starts: Int32Array;
  private readonly options: NarrowingOptions;

  constructor(backend: InferenceBackend, bert: Bert, batch: TokenBatch, scratch: Scratch, options: NarrowingOptions) {
    this.backend = backend;
    this.bert = bert;
    this.scratch = scratch;
    this.starts = batch.starts;
    this.options = options;
    this.journal = new Journal(batch.starts, bert.config);
    this.answers = [];
    for (let t = 0; t + 1 < batch.starts.length; t++) this.answers.push([]);
  }

  /** Where attention should leave the importance of rows, if anybody will read it. */
  get importance(): Handle | undefined {
    return this.options.plan.attentionThreshold === undefined ? undefined : this.scratch.importance;
  }

  /** Transkimmer: before layer l. */
  before(l: number, rows: Rows): void | Promise<void> {
    const { keepThreshold } = this.options.plan;
    const { predictors } = this.bert;
    const { predictor: buffers, scores } = this.scratch;
    if (keepThreshold === undefined || !predictors || !buffers) return this.enter(l, rows, undefined);
    scoreRows(this.backend, predictors[l], rows.hidden, rows.count, rows.d, buffers);
    this.journal.met("scored", l, rows);
    return whenHere(this.backend.read(buffers.keepLogits, 2 * rows.count, scores), (keepLogits) =>
      this.enter(l, rows, predictorMargins(keepLogits, rows.starts, keepThreshold)),
    );
  }

  private enter(l: number, rows: Rows, margins: Float32Array | undefined): void {
    this.release(stepBefore(l), rows, margins);
    this.journal.met("attended", l, rows);
  }

  /** Magic Pyramid: between layer l's attention and its feed-forward part. */
  after(l: number, rows: Rows): void | Promise<void> {
    const { attentionThreshold } = this.options.plan;
    const thresholds = this.bert.attentionThresholds;
    if (attentionThreshold === undefined || !thresholds) return this.goOn(l, rows, undefined);
    return whenHere(this.backend.read(this.scratch.importance, rows.count, this.scratch.scores), (importance) =>
      this.goOn(l, rows, importanceMargins(importance, rows.starts, attentionThreshold * thresholds[l])),
    );
  }

  private goOn(l: number, rows: Rows, margins: Float32Array | undefined): void {
    this.release(stepAfterAttention(l), rows, margins);
    this.journal.met("fed", l, rows);
  }

  /** After layer l, the last excepted: texts that are sure leave with their answer. */
  exit(l: number, rows: Rows): void | Promise<void> {
    const { plan, replay } = this.options;
    const heads = this.bert.exitHeads;
    if (heads === undefined || l >= heads.length) return;
    const replayed = replay?.some((trace) => trace.exitLayer === l + 1) ?? false;
    const asks = plan.exit !== undefined && wantsAnswer(plan.exit, this.elapsedMs());
    if (!asks && !replayed) return;
    return whenHere(this.answerAll(heads[l], l, rows), (texts) => this.dismiss(l, rows, texts));
  }

  /** Of the texts that answered after layer l, those that are sure leave. */
  private dismiss(l: number, rows: Rows, texts: readonly number[]): void {
    const { plan, replay } = this.options;
    const elapsedMs = this.elapsedMs();
    let keep: Uint8Array | undefined;
    for (const t of texts) {
      let sure = false;
      if (plan.exit !== undefined) {
        const margin = exitMargin(plan.exit, this.answers[t], elapsedMs);
        sure = margin >= 0;
        if (replay !== undefined && plan.exit.deadlineMs === undefined)
          this.compare(sure, replay[t].exitLayer === l + 1, margin);
      }
      if (replay !== undefined) sure = replay[t].exitLayer === l + 1;
      if (!sure) continue;
      this.journal.exited(t, l);
      keep ??= this.keepAll(rows, 1);
      keep.fill(0, rows.starts[t], rows.starts[t + 1]);
    }
    if (keep !== undefined) this.leave(rows, keep);
  }

  /** Since the deadline's clock started; the clock is not looked at where there is no deadline. */
  private elapsedMs(): number {
    const { plan, startedAt } = this.options;
    return plan.exit?.deadlineMs === undefined ? 0 : performance.now() - startedAt;
  }

  /** After the last layer: everything that is left goes to the output, and the model's own head answers. */
  async finish(rows: Rows): Promise<void> {
    const { taskHead, config } = this.bert;
    const last = config.layers - 1;
    if (rows.count > 0 && taskHead.reads === "cls") await this.answerAll(taskHead.head, last, rows);
    if (taskHead.reads === "tokens") for (let t = 0; t < rows.texts; t++) this.journal.metHead(t, last);
    this.leave(rows, this.keepAll(rows, 0));
  }

  /** Runs a head on the [CLS] rows of the texts alive; returns those texts. */
  private answerAll(head: ExitHead, l: number, rows: Rows): number[] | Promise<number[]> {
    const texts: number[] = [];
    const clsRows: number[] = [];
    for (let t = 0; t < rows.texts; t++) {
      if (rows.rowsOf(t) === 0) continue;
      texts.push(t);
      clsRows.push(rows.starts[t]);
    }
    const { backend, scratch } = this;
    const c = head.classifier.m;
    const run = head.activation === "relu" ? answerWithRelu : answer;
    const enqueued = run(backend, head, rows.hidden, clsRows, rows.count, rows.d, scratch.head);
    const logits = whenHere(enqueued, () => backend.read(scratch.head.logits, texts.length * c));
    return whenHere(logits, (values) => {
      for (let i = 0; i < texts.length; i++) {
        this.answers[texts[i]].push(values.slice(i * c, (i + 1) * c));
        this.journal.metHead(texts[i], l);
      }
      return texts;
    });
  }

  /** Rows leave at `step`: by their margins, or as the replayed trace says. */
  private release(step: number, rows: Rows, margins: Float32Array | undefined): void {
    const { replay } = this.options;
    const { keep } = this.scratch;
    let leaving = margins === undefined ? 0 : keepOf(margins, keep);
    if (replay !== undefined) {
      leaving = 0;
      for (let i = 0; i < rows.count; i++) {
        const stays = replay[rows.text[i]].leftAt[rows.position[i]] !== step;
        if (margins !== undefined) this.compare(keep[i] === 1, stays, margins[i]);
        keep[i] = stays ? 1 : 0;
        leaving += 1 - keep[i];
      }
    }
    if (leaving === 0) return;
    this.journal.left(step, rows, keep);
    this.leave(rows, keep);
  }

  /** One entry a row, to be used before the next call. */
  private keepAll(rows: Rows, keep: 0 | 1): Uint8Array {
    return this.scratch.keep.fill(keep, 0, rows.count);
  }

  /** Rows with keep = 0 go, their state to the output if somebody will read it. */
  private leave(rows: Rows, keep: Uint8Array): void {
    if (this.options.keepStates) this.forwardToOutput(rows, keep);
    rows.compact(keep);
  }

  private forwardToOutput(rows: Rows, keep: Uint8Array): void {
    const { backend, scratch } = this;
    const { leaving, origins } = scratch;
    let n = 0;
    for (let i = 0; i < rows.count; i++) {
      if (keep[i] !== 0) continue;
      leaving[n] = i;
      origins[n] = this.starts[rows.text[i]] + rows.position[i];
      n++;
    }
    if (n === 0) return;
    const d = rows.d;
    backend.write(scratch.rows.index, leaving.subarray(0, n));
    backend.op("gather", { out: rows.spare, table: rows.hidden, index: scratch.rows.index, n, d, rows: rows.count });
    backend.write(scratch.origin, origins.subarray(0, n));
    const total = this.starts[this.starts.length - 1];
    backend.op("scatter", { out: scratch.output, x: rows.spare, index: scratch.origin, n, d, rows: total });
  }

  private compare(own: boolean, replayed: boolean, margin: number): void {
    if (own === replayed) return;
    this.flips.count++;
    this.flips.largestMargin = Math.max(this.flips.largestMargin, Math.abs(margin));
  }
}
