/**
 * A loaded model: texts or token ids in, answers and traces out. It owns its backend's memory until `dispose()`.
 * It reads no files; see load.ts.
 */
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import { argmax, probabilities } from "../exit/criteria.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { lengthsOf, packBatch, splitByTokens } from "./batch.ts";
import { abilitiesOf, type Bert, predictorWidthOf } from "./bert.ts";
import type { BertConfig } from "./config.ts";
import { type Abilities, checkDials, type Dials, planOf } from "./dials.ts";
import type { Dtype } from "./dtype.ts";
import { encode } from "./encoder.ts";
import type { Flips } from "./narrowing.ts";
import { type Answer, bestSpan, meanRow, type Tag } from "./readouts.ts";
import { planScratch, releaseScratch, type Scratch } from "./scratch.ts";
import type { Encoding, Tokenizer } from "./tokenizer/tokenizer.ts";
import { checkReplay, type Trace } from "./trace.ts";

/** A text, or two to be read together (question and context, premise and hypothesis). */
export type Text = string | readonly [first: string, second: string];

export interface Classification {
  /** The most probable label. */
  readonly label: string;
  /** Its probability, 0 … 1; NaN if the weights have no finite answer. */
  readonly score: number;
  /** The probability of every label, in id order (`model.config.labels` names them). */
  readonly scores: readonly number[];
  /** True if the text had more tokens than the model can read and was cut. */
  readonly truncated: boolean;
  readonly trace: Trace;
}

export interface ForwardOptions extends Dials {
  /** Segment ids, a list per text; zeros unless given. */
  readonly segments?: readonly (readonly number[])[] | undefined;
  /** Also return the last state of every token. */
  readonly hidden?: boolean | undefined;
  /** Take every decision from these traces, one per text, instead of the policies. */
  readonly replay?: readonly Trace[] | undefined;
}

export interface ForwardResult {
  /** Per text: the answering head's logits, [c]; for token-level models one row per token, [tokens, c]. */
  readonly logits: Float32Array[];
  /** Per text: the last state of each token, [tokens, d]; a token that left early carries the state it left with. */
  readonly hidden?: Float32Array[];
  readonly trace: Trace[];
  /** With `replay`: where this forward would itself have decided otherwise. */
  readonly flips?: Flips;
}

export interface ModelOptions {
  /** Rows that one forward holds at once; larger batches are split. At least the model's longest text. Default 2048. */
  readonly tokenBudget?: number | undefined;
}

const dialNames = ["skim", "exit"];
const forwardNames = [...dialNames, "segments", "hidden", "replay"];

export class Model {
  readonly backend: InferenceBackend;
  private readonly bert: Bert;
  private readonly tokenizer: Tokenizer | undefined;
  private readonly scratch: Scratch;
  private last: Promise<unknown> = Promise.resolve();
  private disposed = false;

  constructor(bert: Bert, backend: InferenceBackend, tokenizer?: Tokenizer, options: ModelOptions = {}) {
    this.bert = bert;
    this.backend = backend;
    this.tokenizer = tokenizer;
    const capacity = Math.max(bert.config.maxPositions, options.tokenBudget ?? 2048);
    this.scratch = planScratch(backend, bert.config, predictorWidthOf(bert), capacity);
  }

  get config(): BertConfig {
    return this.bert.config;
  }

  /** In what the encoder's linear layers compute. */
  get dtype(): Dtype {
    return this.bert.parameters.layers[0].qkv.weights.kind === "int8" ? "int8" : "f32";
  }

  /** What a call does that names no dials. */
  get defaults(): Dials {
    return this.bert.defaults;
  }

  /** What it can do besides being dense: which dials it takes. */
  get abilities(): Abilities {
    return abilitiesOf(this.bert);
  }

  /** Width of the skim predictors; 0 without any. */
  get predictorWidth(): number {
    return predictorWidthOf(this.bert);
  }

  /** Tokens to which a text is cut, special ones included: the positions that there are, or fewer if the tokenizer's files say so. */
  get maxLength(): number {
    return Math.min(this.config.maxPositions, this.tokenizer?.maxLength ?? Number.POSITIVE_INFINITY);
  }

  /** Classifies a text, or each of an array of texts. Throws ERR_OPTION, ERR_DISPOSED, or ERR_INPUT for no text or another kind of model. */
  classify(text: string, dials?: Dials): Promise<Classification>;
  classify(texts: readonly Text[], dials?: Dials): Promise<Classification[]>;
  async classify(input: string | readonly Text[], dials: Dials = {}): Promise<Classification | Classification[]> {
    this.needTask("sequence-classification", "classify");
    refuseUnknown(dials, dialNames, "classify()");
    const encodings = this.encodeAll(typeof input === "string" ? [input] : input, "classify");
    const { logits, trace } = await this.forwardEncodings(encodings, dials);
    const results = encodings.map((encoding, t) => {
      const scores = probabilities(logits[t]);
      const best = argmax(scores);
      const { truncated } = encoding;
      return { label: this.config.labels[best], score: scores[best], scores, truncated, trace: trace[t] };
    });
    return typeof input === "string" ? results[0] : results;
  }

  /** Tokenises as the model was trained to, cut to what it can read. Throws ERR_VOCABULARY if it was loaded without a tokenizer. */
  encode(text: Text): Encoding {
    if (this.tokenizer === undefined) {
      throw new TaperError(
        "ERR_VOCABULARY",
        "this model has no tokenizer; use forward() with token ids, or load a directory that has vocab.txt.",
      );
    }
    return this.tokenizer.encode(text, { maxLength: this.maxLength });
  }

  private encodeAll(texts: readonly Text[], method: string): Encoding[] {
    if (Array.isArray(texts)) return texts.map((text) => this.encode(text));
    throw new TaperError("ERR_INPUT", `${method}(): expected a list of texts, found ${show(texts)}.`);
  }

  /** Runs encodings as `forward` runs ids, with their segments. */
  forwardEncodings(encodings: readonly Encoding[], options: ForwardOptions = {}): Promise<ForwardResult> {
    const segments = encodings.map((encoding) => encoding.segments);
    return this.forward(
      encodings.map((encoding) => encoding.ids),
      { segments, ...options },
    );
  }

  /**
   * Token ids (with [CLS] and [SEP]) to logits. Texts are packed without padding and split by the token budget.
   * Throws ERR_INPUT for ids, segments or traces that do not fit the model, ERR_OPTION for dials, ERR_DISPOSED.
   */
  async forward(ids: readonly (readonly number[])[], options: ForwardOptions = {}): Promise<ForwardResult> {
    if (this.disposed) throw new TaperError("ERR_DISPOSED", "this model was disposed; load it again.");
    // One forward at a time: they share their scratch memory.
    const next = this.last.then(
      () => this.forwardNow(ids, options),
      () => this.forwardNow(ids, options),
    );
    this.last = next;
    return next;
  }

  private async forwardNow(ids: readonly (readonly number[])[], options: ForwardOptions): Promise<ForwardResult> {
    refuseUnknown(options, forwardNames, "forward()");
    checkDials(options, "forward()");
    const { bert, backend, scratch } = this;
    const plan = planOf(options, bert.defaults, this.abilities);
    const { segments, replay, hidden = false } = options;
    const lengths = lengthsOf(ids, segments, bert.config);
    if (replay !== undefined) checkReplay(replay, lengths, bert.config.layers, this.abilities.exitHeads);

    const result = { logits: [] as Float32Array[], hidden: [] as Float32Array[], trace: [] as Trace[] };
    const flips: Flips = { count: 0, largestMargin: 0 };
    const startedAt = performance.now();
    for (const [from, to] of splitByTokens(lengths, scratch.capacity)) {
      const batch = packBatch(ids.slice(from, to), segments?.slice(from, to), bert.config, scratch.batch);
      const keepStates = hidden || bert.taskHead.reads === "tokens";
      const narrowing = await encode(backend, bert, batch, scratch, {
        plan,
        keepStates,
        replay: replay?.slice(from, to),
        startedAt,
      });
      result.trace.push(...narrowing.journal.traces(predictorWidthOf(bert)));
      result.logits.push(...(await this.logitsOf(narrowing.answers, batch.starts)));
      if (hidden) result.hidden.push(...(await this.rowsOf(scratch.output, bert.config.d, batch.starts)));
      flips.count += narrowing.flips.count;
      flips.largestMargin = Math.max(flips.largestMargin, narrowing.flips.largestMargin);
    }
    const { logits, trace } = result;
    return { logits, trace, ...(hidden && { hidden: result.hidden }), ...(replay && { flips }) };
  }

  private async logitsOf(answers: readonly Float32Array[][], starts: Int32Array): Promise<Float32Array[]> {
    const { taskHead } = this.bert;
    if (taskHead.reads === "cls") return answers.map((heads) => heads[heads.length - 1]);
    if (taskHead.reads === "nothing") return answers.map(() => new Float32Array(0));
    const n = starts[starts.length - 1];
    const { output, tokenLogits } = this.scratch;
    this.backend.op("matmul", { out: tokenLogits, a: output, ...taskHead.classifier, n });
    return this.rowsOf(tokenLogits, taskHead.classifier.m, starts);
  }

  /** Rows of a [n, width] buffer, cut into texts. */
  private async rowsOf(handle: Scratch["output"], width: number, starts: Int32Array): Promise<Float32Array[]> {
    const texts = starts.length - 1;
    const all = await this.backend.read(handle, starts[texts] * width);
    return Array.from({ length: texts }, (_, t) => all.slice(starts[t] * width, starts[t + 1] * width));
  }

  private needTask(task: BertConfig["task"], method: string): void {
    if (this.config.task === task) return;
    throw new TaperError("ERR_INPUT", `${method}() needs a model for ${task}; this one is for ${this.config.task}.`);
  }

  /** A vector [d] for each text: the mean of its tokens' last states, or [CLS]'s. */
  async embed(texts: readonly Text[], options: Dials & { pooling?: "mean" | "cls" } = {}): Promise<Float32Array[]> {
    refuseUnknown(options, [...dialNames, "pooling"], "embed()");
    const { pooling = "mean", ...dials } = options;
    if (pooling !== "mean" && pooling !== "cls") {
      throw new TaperError("ERR_OPTION", `embed(): pooling must be "mean" or "cls", found ${show(pooling)}.`);
    }
    const encodings = this.encodeAll(texts, "embed");
    const { hidden = [] } = await this.forwardEncodings(encodings, { ...dials, hidden: true });
    const { d } = this.config;
    return hidden.map((rows) => (pooling === "cls" ? rows.slice(0, d) : meanRow(rows, d)));
  }

  /** A label for each token of each text, with its place in the text; special tokens left out. */
  async tag(texts: readonly string[], dials: Dials = {}): Promise<Tag[][]> {
    this.needTask("token-classification", "tag");
    refuseUnknown(dials, dialNames, "tag()");
    const encodings = this.encodeAll(texts, "tag");
    const { logits } = await this.forwardEncodings(encodings, dials);
    const c = this.config.labels.length;
    return encodings.map((encoding, t) =>
      encoding.tokens.flatMap((token, i) => {
        const [start, end] = encoding.offsets[i];
        if (start === end) return [];
        const scores = probabilities(logits[t].subarray(i * c, (i + 1) * c));
        const best = argmax(scores);
        return [{ token, start, end, label: this.config.labels[best], score: scores[best] }];
      }),
    );
  }

  /** The span of `context` that most probably answers `question`, at most `maxTokens` long (30). */
  async answer(question: string, context: string, dials: Dials & { maxTokens?: number } = {}): Promise<Answer> {
    this.needTask("question-answering", "answer");
    refuseUnknown(dials, [...dialNames, "maxTokens"], "answer()");
    const { maxTokens = 30, ...rest } = dials;
    if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
      throw new TaperError(
        "ERR_OPTION",
        `answer(): maxTokens must be a whole number from 1, found ${show(maxTokens)}.`,
      );
    }
    const encoding = this.encode([question, context]);
    const { logits } = await this.forwardEncodings([encoding], rest);
    const inContext = encoding.segments.map(
      (segment, i) => segment === 1 && encoding.offsets[i][1] > encoding.offsets[i][0],
    );
    const span = bestSpan(logits[0], inContext, maxTokens);
    if (span === undefined) return { text: "", start: 0, end: 0, score: 0 };
    const start = encoding.offsets[span.first][0];
    const end = encoding.offsets[span.last][1];
    return { text: context.slice(start, end), start, end, score: span.score };
  }

  /** Gives the memory back, after the forwards asked for so far. Later calls throw ERR_DISPOSED. Idempotent. */
  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.last.catch(() => undefined);
    releaseScratch(this.backend, this.scratch);
    this.backend.dispose();
  }
}
