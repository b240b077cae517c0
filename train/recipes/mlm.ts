/**
 * Masked-language-model pretraining: some tokens are hidden, the model guesses them. The softmax is sampled: the candidates are the
 * batch's own hidden tokens and random other ones, whose sum of exponentials is scaled up to stand for the whole vocabulary. So the
 * gradient of the word embeddings, which are the output matrix too, stays in a few rows.
 * Sources: BERT https://arxiv.org/abs/1810.04805; more masking https://arxiv.org/abs/2202.08005; sampled softmax
 * https://arxiv.org/abs/1412.2007
 */
import type { TokenBatch } from "../../bert/batch.ts";
import type { Bert } from "../../bert/bert.ts";
import type { BertConfig } from "../../bert/config.ts";
import { linear, norm, type ParameterSource } from "../../bert/parameters.ts";
import type { Handle } from "../../engine/backend.ts";
import { Random } from "../../engine/random.ts";
import { argmax } from "../../exit/criteria.ts";
import type { Linear, Norm } from "../../kernels/linear.ts";
import { batchOf, type Dataset } from "../dataset.ts";
import { type EncodePlan, encode, planEncode } from "../encode.ts";
import { noSums, type Objective, type Shard, type Sums } from "../objective.ts";
import type { MlmTraining } from "../parts.ts";
import type { Seed, Tape } from "../tape.ts";

/** BERT's head for guessing tokens, under Hugging Face's names; its decoder is the table of word embeddings. */
export interface MlmHead {
  readonly transform: Linear;
  readonly norm: Norm;
  /** [vocabulary] */
  readonly bias: Handle;
}

export function mlmHead(source: ParameterSource, { d, vocabulary }: BertConfig): MlmHead {
  const at = "cls.predictions";
  return {
    transform: linear(source, `${at}.transform.dense`, d, d),
    norm: norm(source, `${at}.transform.LayerNorm`, d),
    bias: source.table(`${at}.bias`, vocabulary, 1),
  };
}

/** What the recipe needs to know of the vocabulary. */
export interface MaskingVocabulary {
  readonly size: number;
  readonly mask: number;
  /** Never hidden: [CLS], [SEP], … */
  readonly special: readonly number[];
  /** Ids below this are reserved and never drawn at random. */
  readonly firstWord: number;
}

/** Which rows are hidden, what they hold now, and what they held. */
export interface Masking {
  readonly rows: Int32Array;
  readonly targets: Int32Array;
  /** A copy of the batch's ids with the hidden ones replaced: 80 % by [MASK], 10 % by a random token, 10 % as they are. */
  readonly ids: Int32Array;
}

export function hideTokens(
  { ids }: Pick<TokenBatch, "ids">,
  ratio: number,
  vocabulary: MaskingVocabulary,
  random: Random,
): Masking {
  const rows: number[] = [];
  const changed = ids.slice();
  for (let i = 0; i < ids.length; i++) {
    if (vocabulary.special.includes(ids[i]) || random.uniform() >= ratio) continue;
    rows.push(i);
    const how = random.uniform();
    if (how < 0.8) changed[i] = vocabulary.mask;
    else if (how < 0.9) changed[i] = randomWord(vocabulary, random);
  }
  return { rows: Int32Array.from(rows), targets: Int32Array.from(rows, (row) => ids[row]), ids: changed };
}

function randomWord({ size, firstWord }: MaskingVocabulary, random: Random): number {
  return firstWord + random.integer(size - firstWord);
}

/** The candidates of a sampled softmax. */
export interface Candidates {
  /** Token ids, distinct: first the targets, then the random ones. */
  readonly ids: Int32Array;
  /** Place of each target among the candidates. */
  readonly labels: Int32Array;
  /** Added to the logits: log of how many words a random candidate stands for; 0 for targets. */
  readonly corrections: Float32Array;
}

export function candidatesFor(
  targets: Int32Array,
  negatives: number,
  vocabulary: MaskingVocabulary,
  random: Random,
): Candidates {
  const place = new Map<number, number>();
  for (const target of targets) if (!place.has(target)) place.set(target, place.size);
  const distinct = place.size;
  const others = vocabulary.size - vocabulary.firstWord - distinct;
  const wanted = distinct + Math.max(0, Math.min(negatives, Math.floor(others / 2)));
  while (place.size < wanted) {
    const word = randomWord(vocabulary, random);
    if (!place.has(word)) place.set(word, place.size);
  }
  const standsFor = wanted > distinct ? Math.log(others / (wanted - distinct)) : 0;
  return {
    ids: Int32Array.from(place.keys()),
    labels: Int32Array.from(targets, (target) => place.get(target) ?? -1),
    corrections: Float32Array.from({ length: wanted }, (_, i) => (i < distinct ? 0 : standsFor)),
  };
}

export class Mlm implements Objective {
  private readonly tape: Tape;
  private readonly bert: Bert;
  private readonly head: MlmHead;
  private readonly set: Dataset;
  private readonly options: MlmTraining;
  private readonly vocabulary: MaskingVocabulary;
  private readonly plan: EncodePlan;
  private readonly names: Readonly<Record<"rows" | "candidates" | "labels", Handle>>;
  private readonly floats: Readonly<
    Record<
      "hidden" | "transformed" | "normed" | "table" | "bias" | "corrections" | "biases" | "logits" | "loss",
      Handle
    >
  >;

  constructor(
    tape: Tape,
    bert: Bert,
    head: MlmHead,
    set: Dataset,
    capacity: number,
    options: MlmTraining,
    vocabulary: MaskingVocabulary,
  ) {
    this.tape = tape;
    this.bert = bert;
    this.head = head;
    this.set = set;
    this.options = options;
    this.vocabulary = vocabulary;
    this.plan = planEncode(tape, bert, capacity);
    const { d } = bert.config;
    // More than the share of hidden tokens in any batch of more than a few texts; the rest of a tiny one is not asked.
    const most = Math.ceil(capacity * Math.min(1, options.maskRatio + 0.15));
    const words = Math.min(vocabulary.size, most + options.negatives);
    this.names = {
      rows: tape.allocate(most, "i32"),
      candidates: tape.allocate(words, "i32"),
      labels: tape.allocate(most, "i32"),
    };
    this.floats = {
      hidden: tape.allocate(most * d),
      transformed: tape.allocate(most * d),
      normed: tape.allocate(most * d),
      table: tape.allocate(words * d),
      bias: tape.allocate(words),
      corrections: tape.allocate(words),
      biases: tape.allocate(words),
      logits: tape.allocate(most * words),
      loss: tape.allocate(most),
    };
  }

  async forward(shard: Shard): Promise<{ seeds: Seed[]; sums: Sums }> {
    const { tape, bert, head, names, floats, options, vocabulary } = this;
    const { d, vocabulary: rows, eps } = bert.config;
    const random = new Random(`${shard.seed} mlm`);
    const batch = batchOf(this.set, shard.texts, bert.config);
    const hiding = hideTokens(batch, options.maskRatio, vocabulary, random);
    const n = Math.min(hiding.rows.length, names.rows.length);
    if (n === 0) return { seeds: [], sums: noSums };
    const targets = hiding.targets.subarray(0, n);
    const candidates = candidatesFor(targets, options.negatives, vocabulary, random);
    const m = candidates.ids.length;

    const state = encode(tape, bert, this.plan, { ...batch, ids: hiding.ids }, {});
    tape.write(names.rows, hiding.rows.subarray(0, n));
    tape.op("gather", { out: floats.hidden, table: state, index: names.rows, n, d, rows: batch.ids.length });
    tape.op("matmul", { out: floats.transformed, a: floats.hidden, ...head.transform, activation: "gelu", n });
    tape.op("layerNorm", { out: floats.normed, x: floats.transformed, ...head.norm, eps, n, d });

    tape.write(names.candidates, candidates.ids);
    tape.write(floats.corrections, candidates.corrections);
    const index = names.candidates;
    tape.op("gather", { out: floats.table, table: bert.parameters.embeddings.word, index, n: m, d, rows });
    tape.op("gather", { out: floats.bias, table: head.bias, index, n: m, d: 1, rows });
    tape.op("add", { out: floats.biases, a: floats.bias, b: floats.corrections, length: m });
    const weights = await tape.packComputed(floats.table, m, d);
    tape.op("matmul", { out: floats.logits, a: floats.normed, weights, bias: floats.biases, n, k: d, m });
    tape.write(names.labels, candidates.labels);
    tape.op("crossEntropy", { loss: floats.loss, logits: floats.logits, labels: names.labels, n, c: m });

    const losses = await tape.read(floats.loss, n);
    const logits = await tape.read(floats.logits, n * m);
    let correct = 0;
    for (let i = 0; i < n; i++) {
      if (argmax(logits.subarray(i * m, (i + 1) * m)) === candidates.labels[i]) correct++;
    }
    // The expected number of hidden tokens in the whole batch, which no worker knows, stands for the number.
    const asked = Math.max(1, options.maskRatio * (shard.batchTokens - 2 * shard.batchTexts));
    const gradient = new Float32Array(n).fill(1 / asked);
    const sums: Sums = { ...noSums, asked: n, correct, loss: losses.reduce((a, b) => a + b, 0) };
    return { seeds: shard.learns ? [{ handle: floats.loss, gradient }] : [], sums };
  }
}
