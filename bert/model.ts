/**
 * A loaded model: texts or token ids in, answers and traces out. It owns its backend's memory until `dispose()`.
 * It reads no files; see load.ts.
 */
import { checkSignal, untilAborted } from "../engine/abort.ts";
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import { argmax, probabilities } from "../exit/criteria.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyLinear } from "../kernels/linear.ts";
import { lengthsOf, packBatch, splitByTokens } from "./batch.ts";
import { abilitiesOf, type Bert, predictorWidthOf } from "./bert.ts";
import { chosenByCaller, infoOf, type RunInfo } from "./choose-backend.ts";
import type { BertConfig } from "./config.ts";
import { type Abilities, checkDials, type Dials, planOf } from "./dials.ts";
import type { Dtype } from "./dtype.ts";
import { encode } from "./encoder.ts";
import { type Explanation, explain } from "./explain.ts";
import { checkFinite } from "./finite.ts";
import type { Flips } from "./narrowing.ts";
import { type Answer, bestSpans, meanRow, type SpanOptions, sigmoids, type Tag, unitVector } from "./readouts.ts";
import { rehearsed } from "./rehearsal.ts";
import { planScratch, releaseScratch, type Scratch } from "./scratch.ts";
import type { Pooling, SentenceConfig } from "./sentence.ts";
import { classifyStream, type StreamOptions } from "./stream.ts";
import { checkText } from "./tokenizer/pairs.ts";
import type { Encoding, TokenIds, Tokenizer } from "./tokenizer/tokenizer.ts";
import { checkReplay, type Trace } from "./trace.ts";

/** A text, or two to be read together (question and context, premise and hypothesis). */
export type Text = string | readonly [first: string, second: string];

/** What a text is, how sure that is, and what it took. */
export interface Classification {
  /** The most probable label. */
  readonly label: string;
  /** Its probability, 0 … 1. */
  readonly score: number;
  /** The probability of every label, in id order (`model.config.labels` names them). They sum to 1 unless `config.multiLabel`. */
  readonly scores: readonly number[];
  /** True if the text had more tokens than the model can read and was cut. */
  readonly truncated: boolean;
  readonly trace: Trace;
}

/** What a forward is given and returns beside ids and logits. */
export interface ForwardOptions extends CallOptions {
  /** Segment ids, a list per text; zeros unless given. */
  readonly segments?: readonly (readonly number[])[] | undefined;
  /** Also return the last state of every token. */
  readonly hidden?: boolean | undefined;
  /** Also return the logits of every head that was asked. */
  readonly answers?: boolean | undefined;
  /** Take every decision from these traces, one per text, instead of the policies. */
  readonly replay?: readonly Trace[] | undefined;
}

/** What a forward gives, a list entry for each text. */
export interface ForwardResult {
  /** Per text: the answering head's logits, [c]; for token-level models one row per token, [tokens, c]. */
  readonly logits: Float32Array[];
  /** Per text: the last state of each token, [tokens, d]; a token that left early carries the state it left with. */
  readonly hidden?: Float32Array[];
  /** Per text, for models that read [CLS]: the logits [c] of each head that was asked, the newest last. */
  readonly answers?: Float32Array[][];
  readonly trace: Trace[];
  /** With `replay`: where this forward would itself have decided otherwise. */
  readonly flips?: Flips;
}

/** What every call takes: dials, and a way to stop it. */
export interface CallOptions extends Dials {
  /** Stops the call between two layers, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How a text's states become one vector; what is left out is as the model's `modules.json` says, else the plain mean. */
export interface EmbedOptions {
  readonly pooling?: Pooling | undefined;
  /** Vectors of length 1. */
  readonly normalize?: boolean | undefined;
}

export interface ModelOptions {
  /** Rows that one forward holds at once; larger batches are split. At least the model's longest text. Default 2048. */
  readonly tokenBudget?: number | undefined;
}

/** What loading knows besides the parameters. */
export interface ModelFacts {
  /** How `embed` makes one vector of a text's states, unless a call says otherwise. */
  readonly sentence?: SentenceConfig | undefined;
  readonly info?: RunInfo | undefined;
}

const callNames = ["skim", "exit", "signal"];
const forwardNames = [...callNames, "segments", "hidden", "answers", "replay"];

/**
 * A BERT with its tokenizer, on a backend. Calls may overlap: they run one after another. It holds memory (and threads) until `dispose()`, after which
 * every call throws ERR_DISPOSED. Made by `loadModel` or `pipeline`.
 */
export class Model {
  /** Where it computes; `name` and `variant` say what was chosen. */
  readonly backend: InferenceBackend;
  private readonly bert: Bert;
  private readonly tokenizer: Tokenizer | undefined;
  private readonly scratch: Scratch;
  /** `backend` as forwards run on it. */
  private readonly planned: InferenceBackend;
  private readonly sentence: SentenceConfig | undefined;
  /** What computes, on how many threads, and why. */
  readonly info: RunInfo;
  /** What it can do besides being dense: which dials it takes. */
  readonly abilities: Abilities;
  private last: Promise<unknown> = Promise.resolve();
  private disposed: Promise<void> | undefined;

  constructor(
    bert: Bert,
    backend: InferenceBackend,
    tokenizer?: Tokenizer,
    options: ModelOptions = {},
    { sentence, info }: ModelFacts = {},
  ) {
    this.sentence = sentence;
    this.info = info ?? infoOf(chosenByCaller(backend));
    this.bert = bert;
    this.abilities = abilitiesOf(bert);
    this.backend = backend;
    this.tokenizer = tokenizer;
    const capacity = Math.max(bert.config.maxPositions, options.tokenBudget ?? 2048);
    this.scratch = planScratch(backend, bert.config, predictorWidthOf(bert), capacity);
    this.planned = rehearsed(backend, bert, this.scratch);
  }

  /** Its sizes, labels and task. */
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

  /** How `embed` makes one vector of a text's states, if the model's files say so. */
  get sentenceConfig(): SentenceConfig | undefined {
    return this.sentence;
  }

  /** Width of the skim predictors; 0 without any. */
  get predictorWidth(): number {
    return predictorWidthOf(this.bert);
  }

  /** Tokens to which a text is cut, special ones included: the positions that there are, or fewer if the tokenizer's files say so. */
  get maxLength(): number {
    const { maxPositions } = this.config;
    return Math.min(maxPositions, this.tokenizer?.maxLength ?? maxPositions, this.sentence?.maxLength ?? maxPositions);
  }

  /** Classifies a text, or each of an array of texts. Throws ERR_OPTION, ERR_DISPOSED, or ERR_INPUT for no text or another kind of model. */
  classify(text: string, options?: CallOptions): Promise<Classification>;
  classify(texts: readonly Text[], options?: CallOptions): Promise<Classification[]>;
  async classify(
    input: string | readonly Text[],
    options: CallOptions = {},
  ): Promise<Classification | Classification[]> {
    this.needTask("sequence-classification", "classify");
    refuseUnknown(options, callNames, "classify()");
    const encodings = this.encodeAll(typeof input === "string" ? [input] : input, "classify");
    const results = await this.classifyEncodings(encodings, options);
    return typeof input === "string" ? results[0] : results;
  }

  /** As `classify`, of texts that were tokenised before. */
  async classifyEncodings(encodings: readonly Encoding[], options: CallOptions = {}): Promise<Classification[]> {
    this.needTask("sequence-classification", "classify");
    const { logits, trace } = await this.forwardEncodings(encodings, options);
    const { labels, multiLabel } = this.config;
    return encodings.map(({ truncated }, t) => {
      const scores = multiLabel ? sigmoids(logits[t]) : probabilities(logits[t]);
      const best = argmax(scores);
      return { label: labels[best], score: scores[best], scores, truncated, trace: trace[t] };
    });
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
    if (Array.isArray(texts)) return texts.map((text, t) => this.encode(checkText(text, `${method}(): text ${t}`)));
    throw new TaperError("ERR_INPUT", `${method}(): expected a list of texts, found ${show(texts)}.`);
  }

  /** Runs encodings as `forward` runs ids, with their segments if the model knows more than one. */
  async forwardEncodings(encodings: readonly TokenIds[], options: ForwardOptions = {}): Promise<ForwardResult> {
    if (!Array.isArray(encodings))
      throw new TaperError("ERR_INPUT", `expected a list of what encode() gives, found ${show(encodings)}.`);
    const segments = this.config.types > 1 ? encodings.map((encoding) => encoding.segments) : undefined;
    return this.forward(
      encodings.map((encoding) => encoding.ids),
      { ...options, segments: options.segments ?? segments },
    );
  }

  /**
   * Token ids (with [CLS] and [SEP]) to logits. Texts are packed without padding and split by the token budget.
   * Throws ERR_INPUT for ids, segments or traces that do not fit the model, ERR_OPTION for dials, ERR_CHECKPOINT if weights give no
   * finite answer, ERR_DISPOSED, the signal's reason.
   */
  async forward(ids: readonly (readonly number[])[], options: ForwardOptions = {}): Promise<ForwardResult> {
    if (this.disposed) throw new TaperError("ERR_DISPOSED", "this model was disposed; load it again.");
    refuseUnknown(options, forwardNames, "forward()");
    const { signal } = options;
    checkSignal(signal);
    // One forward at a time: they share their scratch memory.
    const run = (): Promise<ForwardResult> => this.forwardNow(ids, options);
    const next = this.last.then(run, run);
    this.last = next;
    return signal === undefined ? next : untilAborted(next, signal);
  }

  private async forwardNow(ids: readonly (readonly number[])[], options: ForwardOptions): Promise<ForwardResult> {
    checkDials(options, "dials");
    const { bert, planned, scratch } = this;
    const plan = planOf(options, bert.defaults, this.abilities);
    const { segments, replay, hidden = false, answers = false, signal } = options;
    signal?.throwIfAborted();
    const lengths = lengthsOf(ids, segments, bert.config);
    if (replay !== undefined) checkReplay(replay, lengths, bert.config.layers, this.abilities.exitHeads);

    const logits: Float32Array[] = [];
    const states: Float32Array[] = [];
    const traces: Trace[] = [];
    const asked: Float32Array[][] = [];
    const flips: Flips = { count: 0, largestMargin: 0 };
    const keepStates = hidden || bert.taskHead.reads === "tokens";
    const startedAt = performance.now();
    for (const [from, to] of splitByTokens(lengths, scratch.capacity)) {
      const batch = packBatch(ids.slice(from, to), segments?.slice(from, to), bert.config, scratch.batch);
      const options = { plan, keepStates, replay: replay?.slice(from, to), startedAt, signal };
      const { journal, answers: heads, flips: its } = await encode(planned, bert, batch, scratch, options);
      traces.push(...journal.traces(predictorWidthOf(bert)));
      logits.push(...(await this.logitsOf(heads, batch.starts)));
      if (answers) asked.push(...heads);
      if (hidden) states.push(...(await this.rowsOf(scratch.output, bert.config.d, batch.starts)));
      flips.count += its.count;
      flips.largestMargin = Math.max(flips.largestMargin, its.largestMargin);
    }
    checkFinite(logits, "logits");
    if (hidden) checkFinite(states, "states");
    const result: ForwardResult = { logits, trace: traces };
    if (!hidden && !answers && !replay) return result;
    return {
      ...result,
      ...(hidden && { hidden: states }),
      ...(answers && { answers: asked }),
      ...(replay && { flips }),
    };
  }

  private async logitsOf(answers: readonly Float32Array[][], starts: Int32Array): Promise<Float32Array[]> {
    const { taskHead } = this.bert;
    if (taskHead.reads === "cls") return answers.map((heads) => heads[heads.length - 1]);
    if (taskHead.reads === "nothing") return answers.map(() => new Float32Array(0));
    const n = starts[starts.length - 1];
    const { output, tokenLogits } = this.scratch;
    applyLinear(this.backend, taskHead.classifier, { out: tokenLogits, a: output, n });
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

  /**
   * A vector [d] for each text: the mean of its tokens' last states, or [CLS]'s; of length 1 if `normalize`. Both default to what the
   * model's own files say (`modules.json`), else to the mean as it is.
   */
  async embed(texts: readonly Text[], options: CallOptions & EmbedOptions = {}): Promise<Float32Array[]> {
    refuseUnknown(options, [...callNames, "pooling", "normalize"], "embed()");
    const {
      pooling = this.sentence?.pooling ?? "mean",
      normalize = this.sentence?.normalize ?? false,
      ...call
    } = options;
    if (pooling !== "mean" && pooling !== "cls") {
      throw new TaperError("ERR_OPTION", `embed(): pooling must be "mean" or "cls", found ${show(pooling)}.`);
    }
    const encodings = this.encodeAll(texts, "embed");
    const { hidden = [] } = await this.forwardEncodings(encodings, { ...call, hidden: true });
    const { d } = this.config;
    const vectors = hidden.map((rows) => (pooling === "cls" ? rows.slice(0, d) : meanRow(rows, d)));
    return normalize ? vectors.map(unitVector) : vectors;
  }

  /** A label for each token of each text, with its place in the text; special tokens left out. */
  async tag(texts: readonly string[], options: CallOptions = {}): Promise<Tag[][]> {
    this.needTask("token-classification", "tag");
    refuseUnknown(options, callNames, "tag()");
    const encodings = this.encodeAll(texts, "tag");
    const { logits } = await this.forwardEncodings(encodings, options);
    const c = this.config.labels.length;
    return encodings.map((encoding, t) =>
      encoding.tokens.flatMap((token, i) => {
        const [start, end] = encoding.offsets[i];
        if (start === end) return [];
        const scores = probabilities(logits[t].subarray(i * c, (i + 1) * c));
        const best = argmax(scores);
        return [{ token, index: i, start, end, label: this.config.labels[best], score: scores[best], scores }];
      }),
    );
  }

  /** The span of `context` that most probably answers `question`, at most `maxTokens` long (30). */
  async answer(question: string, context: string, options: CallOptions & { maxTokens?: number } = {}): Promise<Answer> {
    this.needTask("question-answering", "answer");
    refuseUnknown(options, [...callNames, "maxTokens"], "answer()");
    const { maxTokens = 30, ...call } = options;
    const [[best]] = await this.answerAll([[question, context]], { maxTokens }, call);
    return best ?? { text: "", start: 0, end: 0, score: 0 };
  }

  /** For each pair of question and context, the spans that most probably answer, the best first; none for an empty context. */
  async answerAll(
    pairs: readonly (readonly [question: string, context: string])[],
    spans: SpanOptions,
    options: CallOptions = {},
  ): Promise<Answer[][]> {
    this.needTask("question-answering", "answer");
    if (!(spans.maxTokens >= 1)) {
      throw new TaperError(
        "ERR_OPTION",
        `answer(): maxTokens must be a number from 1, found ${show(spans.maxTokens)}.`,
      );
    }
    const encodings = this.encodeAll(pairs, "answer");
    const { logits } = await this.forwardEncodings(encodings, options);
    return encodings.map(({ segments, offsets }, t) => {
      const inContext = segments.map((segment, i) => segment === 1 && offsets[i][1] > offsets[i][0]);
      return bestSpans(logits[t], inContext, spans).map(({ first, last, score }) => {
        const [start, end] = [offsets[first][0], offsets[last][1]];
        return { text: pairs[t][1].slice(start, end), start, end, score };
      });
    });
  }

  /**
   * Classifies texts as they come, in order: those that are there already share a forward, of at most `batchTokens` (512), and nobody
   * waits for a text that is not there yet. No more than one batch is held.
   */
  stream(
    source: Iterable<Text> | AsyncIterable<Text>,
    options: CallOptions & StreamOptions = {},
  ): AsyncGenerator<Classification, void, undefined> {
    return classifyStream(this, source, options);
  }

  /** What becomes of a text and why: words and the layers they left at, the exit, its certainty and its cost, and a drawing of it. */
  explain(text: Text, options: CallOptions = {}): Promise<Explanation> {
    return explain(this, text, options);
  }

  /** Gives the memory back, after the forwards asked for so far. Later calls throw ERR_DISPOSED. Idempotent. */
  dispose(): Promise<void> {
    const release = (): void => {
      releaseScratch(this.backend, this.scratch);
      this.backend.dispose();
    };
    this.disposed ??= this.last.then(release, release);
    return this.disposed;
  }

  /** For `await using`: `dispose`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
