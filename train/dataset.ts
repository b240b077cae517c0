/**
 * Token ids of a whole data set in shared memory, one copy for all workers, and how it is cut into batches and shards.
 * Texts are packed without padding, so a batch of mixed lengths costs nothing: batches are filled in random order up to a token
 * budget, and no bucketing by length biases what is learned together.
 */
import { packBatch, type TokenBatch } from "../bert/batch.ts";
import type { BertConfig } from "../bert/config.ts";
import type { Random } from "../engine/random.ts";

export interface Dataset {
  /** Token ids of all texts, end to end. */
  readonly ids: Int32Array;
  /** [texts + 1] */
  readonly starts: Int32Array;
  /** Where a text's second segment begins; its length, if it has none. [texts] */
  readonly split: Int32Array;
  /** Class of each text; −1: not known. [texts] */
  readonly labels: Int32Array;
  /** Class of each token; −1: not asked. [tokens], or empty where texts are classified as a whole. */
  readonly tags: Int32Array;
  /** A teacher's logits, for each text, or for each token where tokens have classes: [texts or tokens, c]; empty without a teacher. */
  readonly taught: Float32Array;
}

export interface EncodedText {
  readonly ids: ArrayLike<number>;
  readonly split?: number;
  readonly label?: number;
  /** One for each token. */
  readonly tags?: readonly number[];
}

export function datasetOf(texts: readonly EncodedText[]): Dataset {
  const shared = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length));
  const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  const isTagged = texts.some(({ tags }) => tags !== undefined);
  const set: Dataset = {
    ids: shared(tokens),
    starts: shared(texts.length + 1),
    split: shared(texts.length),
    labels: shared(texts.length),
    tags: shared(isTagged ? tokens : 0),
    taught: new Float32Array(0),
  };
  for (const [i, { ids, split, label, tags }] of texts.entries()) {
    set.ids.set(ids, set.starts[i]);
    set.starts[i + 1] = set.starts[i] + ids.length;
    set.split[i] = split ?? ids.length;
    set.labels[i] = label ?? -1;
    if (tags !== undefined) set.tags.set(tags, set.starts[i]);
  }
  return set;
}

/** A number that other data would hardly have: a hash (FNV-1a over 32-bit words) of all ids, cuts and labels, not of what a teacher says. */
export function fingerprint({ ids, starts, labels, tags }: Dataset): number {
  let hash = 0x811c9dc5;
  for (const part of [ids, starts, labels, tags]) {
    for (let i = 0; i < part.length; i++) hash = Math.imul(hash ^ part[i], 0x01000193);
  }
  return hash >>> 0;
}

export function textsIn(set: Dataset): number {
  return set.labels.length;
}

export function lengthOf({ starts }: Dataset, text: number): number {
  return starts[text + 1] - starts[text];
}

/** How many answers a text is asked for: one, or one for each token that has a class. */
export function askedIn({ tags, starts }: Dataset, text: number): number {
  if (tags.length === 0) return 1;
  let asked = 0;
  for (let i = starts[text]; i < starts[text + 1]; i++) if (tags[i] >= 0) asked++;
  return asked;
}

/** A random order of `among`, cut into batches of at most `tokens` tokens (a longer text is a batch of its own). */
export function planEpoch(set: Dataset, among: readonly number[], tokens: number, random: Random): number[][] {
  return cut(set, random.shuffle([...among]), tokens);
}

/** The same in the order given. */
export function cut(set: Dataset, order: readonly number[], tokens: number): number[][] {
  const batches: number[][] = [];
  let batch: number[] = [];
  let used = 0;
  for (const text of order) {
    const length = lengthOf(set, text);
    if (batch.length > 0 && used + length > tokens) {
      batches.push(batch);
      batch = [];
      used = 0;
    }
    batch.push(text);
    used += length;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/** Deals a batch to workers, longest first, each text to the one with the fewest tokens: nobody waits long for the others. */
export function deal(set: Dataset, batch: readonly number[], workers: number): number[][] {
  const hands = Array.from({ length: workers }, (): number[] => []);
  const loads = new Array<number>(workers).fill(0);
  const sorted = [...batch].sort((a, b) => lengthOf(set, b) - lengthOf(set, a) || a - b);
  for (const text of sorted) {
    const to = loads.indexOf(Math.min(...loads));
    hands[to].push(text);
    loads[to] += lengthOf(set, text);
  }
  return hands;
}

/** The most rows that `deal` can give to one worker. */
export function shardCapacity(tokens: number, longest: number, workers: number): number {
  return Math.max(longest, Math.ceil(tokens / workers) + longest);
}

/** Texts as a forward takes them. */
export function batchOf(set: Dataset, texts: readonly number[], config: BertConfig): TokenBatch {
  const ids = texts.map((text) => Array.from(set.ids.subarray(set.starts[text], set.starts[text + 1])));
  const segments = texts.map((text, i) => ids[i].map((_, p) => (p < set.split[text] ? 0 : 1)));
  return packBatch(ids, segments, config);
}
