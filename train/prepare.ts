/** From a config to what a run starts with: texts as token ids, the model's shape, its first parameters. */

import { Checkpoint } from "../bert/checkpoint.ts";
import { type BertConfig, configOfShape, type Task } from "../bert/config.ts";
import { familyOf } from "../bert/family.ts";
import { openCheckpoint, readConfigs } from "../bert/load.ts";
import { checkOwnDials, type TaperConfig } from "../bert/taper-config.ts";
import { loadTokenizer } from "../bert/tokenizer/load.ts";
import type { Tokenizer } from "../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../engine/errors.ts";
import { modelFiles } from "../engine/model-files.ts";
import { Random } from "../engine/random.ts";
import type { StoredTensor } from "../engine/safetensors.ts";
import { readTensor } from "../engine/safetensors-source.ts";
import { halvesOf } from "./bigram-teacher.ts";
import type { TrainConfig } from "./config.ts";
import { readTexts } from "./data.ts";
import { type Dataset, datasetOf, type EncodedText, textsIn } from "./dataset.ts";
import { chooseHoldOut } from "./hold-out.ts";
import { initialise, type Layout, loadTensors } from "./layout.ts";
import { thresholdName } from "./learner.ts";
import type { MaskingVocabulary } from "./recipes/mlm.ts";
import { type Splice, splice } from "./splice.ts";
import { readCases } from "./truecasing.ts";

export interface Prepared {
  readonly config: BertConfig;
  readonly taper: TaperConfig;
  readonly vocabulary: MaskingVocabulary;
  readonly set: Dataset;
  /** Indices of texts to learn from, and of those held out. */
  readonly learn: readonly number[];
  readonly heldOut: readonly number[];
  /** The labelled texts themselves, two that are read together as one; empty for masked-language modelling. */
  readonly sources: readonly string[];
  /** Those of them that are two, by their index. */
  readonly pairs: ReadonlyMap<number, readonly [string, string]>;
  /** Of each splice, one of the two texts it is made of; the other is in the same half for a bag of bigrams. */
  readonly partOf: ReadonlyMap<number, number>;
}

/** Reads, tokenises and splits. Throws ERR_FILE, ERR_DATA, ERR_VOCABULARY or ERR_CONFIG. */
export async function prepare(train: TrainConfig): Promise<Prepared> {
  const tokenizer = await loadTokenizer(train.vocabulary);
  const { config, taper } = await modelOf(train, tokenizer.vocabulary.length);
  if (tokenizer.vocabulary.length > config.vocabulary) {
    throw new TaperError(
      "ERR_VOCABULARY",
      `${train.vocabulary}: ${tokenizer.vocabulary.length} tokens do not fit the model's ${config.vocabulary}.`,
    );
  }
  if (train.maxTokens > config.maxPositions) {
    throw new TaperError("ERR_CONFIG", `maxTokens ${train.maxTokens} is more than the model's ${config.maxPositions}.`);
  }
  const { texts, sources, pairs, labelled } = await readAll(train, tokenizer, config);
  // Not of the run's seed: what several seeds chose dials on, or are averaged over, must be held out of all of them.
  const random = new Random("1 hold out");
  const all = Array.from({ length: labelled }, (_, i) => i);
  if (train.holdOut >= texts.length || train.holdOut > labelled) {
    throw new TaperError("ERR_CONFIG", `holdOut ${train.holdOut} leaves nothing of ${labelled} texts to learn from.`);
  }
  // Pieces of running text have no phrases in common; labelled texts may.
  const heldOut =
    train.recipe === "mlm"
      ? random.shuffle(all).slice(0, train.holdOut)
      : chooseHoldOut(sources.slice(0, labelled), train.holdOut, random);
  const isHeldOut = new Set(heldOut);
  const parts = all.filter((i) => !isHeldOut.has(i));
  const partOf = new Map<number, number>();
  for (const { text, part } of splicesOf(train, parts, texts, sources)) {
    partOf.set(texts.length, parts[part]);
    texts.push({ ids: tokenizer.encode(text, { maxLength: train.maxTokens }).ids });
    sources.push(text);
  }
  const set = datasetOf(texts);
  const learn = Array.from({ length: textsIn(set) }, (_, i) => i).filter((i) => !isHeldOut.has(i));
  return { config, taper, vocabulary: masking(tokenizer), set, learn, heldOut, sources, pairs, partOf };
}

/** The splices that the config asks for, of the texts at `parts`. Throws ERR_CONFIG if one of them is a pair: its halves are not alike. */
function splicesOf(
  { splices, seed }: TrainConfig,
  parts: readonly number[],
  texts: readonly EncodedText[],
  sources: readonly string[],
): Splice[] {
  if (splices === 0) return [];
  if (parts.some((i) => texts[i].split !== undefined)) {
    throw new TaperError("ERR_CONFIG", `"splices": expected 0, as "data" has pairs of texts, found ${splices}.`);
  }
  const half = halvesOf(parts, sources);
  const whole = parts.map((i) => sources[i]);
  const kinds = parts.map((i) => `${texts[i].label} ${half.get(i)}`);
  return splice(whole, kinds, splices, new Random(`${seed} splices`));
}

interface ReadTexts {
  readonly texts: EncodedText[];
  readonly sources: string[];
  readonly pairs: Map<number, readonly [string, string]>;
  /** The first so many have labels of their own. */
  readonly labelled: number;
}

async function readAll(train: TrainConfig, tokenizer: Tokenizer, config: BertConfig): Promise<ReadTexts> {
  const texts: EncodedText[] = [];
  const sources: string[] = [];
  const pairs = new Map<number, readonly [string, string]>();
  const { maxTokens: maxLength, limit } = train;
  const add = (text: string | readonly [string, string], label?: number): void => {
    const { ids, segments } = tokenizer.encode(text, { maxLength });
    const split = segments.indexOf(1);
    texts.push({ ids, ...(label !== undefined && { label }), ...(split > 0 && { split }) });
    if (typeof text !== "string") pairs.set(sources.length, text);
    sources.push([text].flat().join(" "));
  };
  for (const file of train.data) {
    for (const { text, label, row } of await readTexts(file, { limit })) {
      const whole = [text].flat().join(" ");
      if (train.recipe === "mlm") texts.push(...pieces(tokenizer, whole, maxLength));
      else if (train.recipe === "tag") {
        const { encoding, tags } = readCases(whole, tokenizer, maxLength);
        texts.push({ ids: encoding.ids, tags });
        sources.push(whole);
      } else if (label !== undefined && label < config.labels.length) add(text, label);
      else {
        throw new TaperError(
          "ERR_DATA",
          `${file}: row ${row}: expected a label from 0 to ${config.labels.length - 1}, found ${label ?? "none"}.`,
        );
      }
    }
  }
  const labelled = texts.length;
  for (const file of train.unlabelled) for (const { text } of await readTexts(file, { limit })) add(text);
  return { texts, sources, pairs, labelled };
}

const taskOf: Readonly<Record<TrainConfig["recipe"], Task>> = {
  mlm: "embedding",
  classify: "sequence-classification",
  tag: "token-classification",
};

async function modelOf(train: TrainConfig, vocabulary: number): Promise<{ config: BertConfig; taper: TaperConfig }> {
  const { recipe, shape, from, labels, maxPositions, skim, exit, dials } = train;
  const start =
    from.length === 0
      ? { config: configOfShape(shape as NonNullable<typeof shape>, { vocabulary, maxPositions }), taper: {} }
      : await readConfigs(from[0]);
  const { multiLabel, poolerActivation, ...own } = start.config;
  const config: BertConfig = { ...own, ...shape, labels, task: taskOf[recipe] };
  if (recipe === "mlm") return { config, taper: {} };
  if (recipe === "classify" && multiLabel) {
    throw new TaperError(
      "ERR_CONFIG",
      `"from": ${from[0]} gives each label by itself; only labels that exclude each other are trained here.`,
    );
  }
  if (recipe === "classify" && poolerActivation !== undefined) {
    throw new TaperError(
      "ERR_CONFIG",
      `"from": the pooler of ${from[0]} has a ReLU (DistilBERT's), which runs but cannot be trained here.`,
    );
  }
  const attentionThresholds = thresholdsOf(train, config.layers, start.taper);
  const taper: TaperConfig = {
    ...((skim || attentionThresholds) && {
      skim: {
        ...(skim && { predictorWidth: skim.predictorWidth }),
        ...(attentionThresholds && { attentionThresholds }),
      },
    }),
    ...(exit && { exit: { heads: true } }),
    ...(dials && { dials }),
  };
  checkOwnDials(taper, '"dials"');
  return { config, taper };
}

/** θ as the run begins: what the model has that it starts from, else rising with the layers. */
function thresholdsOf(
  { threshold, from }: TrainConfig,
  layers: number,
  { skim }: TaperConfig,
): readonly number[] | undefined {
  if (threshold === undefined) return undefined;
  const own = skim?.attentionThresholds;
  if (own?.length === layers) return own;
  if (threshold.stage === "soft") return Array.from({ length: layers }, (_, l) => (threshold.start * l) / layers);
  throw new TaperError(
    "ERR_CONFIG",
    `"threshold": stage "hard" needs ${layers} thresholds in ${from[0]}/taperbert.json, found ${own?.length ?? "none"}; run a "soft" stage first.`,
  );
}

function masking(tokenizer: Tokenizer): MaskingVocabulary {
  const id = (token: string): number => {
    const found = tokenizer.idOf(token);
    if (found === undefined) throw new TaperError("ERR_VOCABULARY", `the vocabulary has no ${token}.`);
    return found;
  };
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(id);
  const mask = tokenizer.idOf("[MASK]") ?? special[1];
  const isReserved = (token: string): boolean => /^\[.*\]$/.test(token) && token.length > 3;
  let firstWord = 0;
  for (const [i, token] of tokenizer.vocabulary.entries()) if (isReserved(token)) firstWord = i + 1;
  const size = tokenizer.vocabulary.length;
  return { size, mask, special, firstWord: firstWord < size / 2 ? firstWord : 0 };
}

/** A text cut into pieces that fit, each between [CLS] and [SEP]; what is left of a few tokens is not worth a piece. */
function pieces(tokenizer: Tokenizer, text: string, maxTokens: number): EncodedText[] {
  const { ids } = tokenizer.encode(text, { specialTokens: false });
  const cls = tokenizer.idOf("[CLS]") as number;
  const sep = tokenizer.idOf("[SEP]") as number;
  const room = maxTokens - 2;
  const fewest = Math.min(8, room);
  const found: EncodedText[] = [];
  for (let from = 0; from < ids.length; from += room) {
    const part = ids.slice(from, from + room);
    if (part.length >= fewest || from === 0) found.push({ ids: Int32Array.of(cls, ...part, sep) });
  }
  return found;
}

/** The parameters that a run starts from: a model directory's (or the mean of several) where it has them, else drawn, or stacked if the config says so; heads that tell another number of labels apart are drawn; predictors perhaps of another model. */
export async function firstValues(
  train: TrainConfig,
  taper: TaperConfig,
  layout: Layout,
  values: Float32Array,
): Promise<void> {
  initialise(layout, values, new Random(`${train.seed} parameters`));
  for (const { names, offset } of layout.segments) {
    if (train.skim === undefined || !/skim_predictors\.\d+\.predictor\.4\.bias$/.test(names[0])) continue;
    values[offset] = -train.skim.biasStart;
    values[offset + 1] = train.skim.biasStart;
  }
  for (const [l, threshold] of (taper.skim?.attentionThresholds ?? []).entries()) {
    const segment = layout.segments.find(({ names }) => names[0] === thresholdName(l));
    if (segment !== undefined) values[segment.offset] = threshold;
  }
  const { from, grow, skim } = train;
  if (from.length > 0) {
    const nameIn = grow === "stack" ? stacked((await readConfigs(from[0])).config.layers) : (name: string) => name;
    const what = "the model's tensors";
    await takeMean(from, values, (directory, into) => take(directory, layout, into, what, nameIn));
  }
  if (skim?.predictors === undefined) return;
  const nameIn = (name: string) => (name.includes("skim_predictors.") ? name : undefined);
  await take(skim.predictors, layout, values, "the model's skim predictors", nameIn);
}

/** The mean of what each directory makes of the values as they are. Throws ERR_CONFIG if one does not have as many tensors as the first. */
async function takeMean(
  directories: readonly string[],
  values: Float32Array,
  take: (directory: string, into: Float32Array) => Promise<number>,
): Promise<void> {
  const sum = new Float64Array(values.length);
  let expected: number | undefined;
  for (const directory of directories) {
    const own = values.slice();
    const found = await take(directory, own);
    expected ??= found;
    if (found !== expected) {
      throw new TaperError(
        "ERR_CONFIG",
        `"from": expected models with the same tensors; ${directories[0]} has ${expected} of them, ${directory} ${found}.`,
      );
    }
    for (let i = 0; i < own.length; i++) sum[i] += own[i];
  }
  for (let i = 0; i < sum.length; i++) values[i] = sum[i] / directories.length;
}

/** What has a row for each label. */
const headName = /(^|\.)classifier\.(weight|bias)$/;

/**
 * The tensors of a directory that `nameIn` finds there, under BERT's names; returns how many. Throws ERR_CHECKPOINT without any, naming
 * `what`, or if one has another shape.
 */
async function take(
  directory: string,
  layout: Layout,
  values: Float32Array,
  what: string,
  nameIn: (name: string) => string | undefined,
): Promise<number> {
  const { tensors, where } = await tensorsIn(directory);
  const checkpoint = new Checkpoint(tensors, where);
  const found = loadTensors(layout, values, (name, shape) => {
    const stored = nameIn(name);
    if (stored === undefined || !checkpoint.has(stored)) return undefined;
    // A head that tells another number of labels apart is begun anew; whatever else does not fit is an error.
    if (headName.test(stored) && tensors.get(stored)?.shape[0] !== shape[0]) return undefined;
    return checkpoint.tensor(stored, shape).read();
  });
  if (found === 0) throw new TaperError("ERR_CHECKPOINT", `${where} has none of ${what}.`);
  return found;
}

/** A model's tensors as a BERT names them; one file or several. */
async function tensorsIn(directory: string): Promise<{ tensors: Map<string, StoredTensor>; where: string }> {
  const { json } = await readConfigs(directory);
  const file = await openCheckpoint(await modelFiles(directory));
  try {
    const named = familyOf(json)?.checkpoint(file, json) ?? file;
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of named.entries) tensors.set(name, await readTensor(named, name, entry));
    return { tensors, where: named.where };
  } finally {
    await file.close();
  }
}

/**
 * Layer l of the new model is layer l mod `layers` of the old: the old layers stay where they were, and come again above themselves.
 * Source: progressive stacking, https://proceedings.mlr.press/v97/gong19a.html
 */
function stacked(layers: number): (name: string) => string {
  return (name) =>
    name.replace(/^(bert\.encoder\.layer\.)(\d+)/, (_, at: string, l: string) => `${at}${Number(l) % layers}`);
}
