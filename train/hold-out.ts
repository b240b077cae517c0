/**
 * Which texts to keep away from training. Treebank data (SST-2) label every phrase of a sentence on its own: a random split would
 * measure on phrases whose sentence was trained on. Here a sentence is held out together with its longer phrases.
 */
import { hashOf, type Random } from "../engine/random.ts";

/** Phrases of fewer words belong to no sentence in particular. */
const phraseWords = 4;
/** Texts of at least so many words are where groups start. */
const sentenceWords = 8;

/**
 * At least `count` indices (as far as there are so many texts), in increasing order: whole groups of a text of at least 8 words, every
 * text that contains it, and every text of at least 4 words that one of these contains. Falls back to single texts where none is long enough.
 */
export function chooseHoldOut(texts: readonly string[], count: number, random: Random): number[] {
  const tokens = texts.map((text) => text.trim().toLowerCase().split(/\s+/));
  const phrases = phrasesOf(tokens);
  const index = indexOfWords(tokens);
  const held = new Set<number>();
  const order = random.shuffle(texts.map((_, i) => i));
  const isSentence = (i: number): boolean => tokens[i].length >= sentenceWords;
  for (const seed of [...order.filter(isSentence), ...order.filter((i) => !isSentence(i))]) {
    if (held.size >= count) break;
    if (held.has(seed)) continue;
    held.add(seed);
    if (!isSentence(seed)) continue;
    for (const sentence of textsAround(tokens[seed], tokens, index)) {
      for (const i of partsOf(tokens[sentence], phrases)) held.add(i);
    }
  }
  return [...held].sort((a, b) => a - b);
}

/** Every text that has all of `words` in a row: looked for among those that have the rarest of them. */
function textsAround(words: readonly string[], tokens: readonly string[][], index: Map<string, number[]>): number[] {
  const lists = words.map((word) => index.get(word) ?? []);
  const fewest = lists.reduce((a, b) => (b.length < a.length ? b : a));
  const phrase = ` ${words.join(" ")} `;
  return fewest.filter((i) => ` ${tokens[i].join(" ")} `.includes(phrase));
}

/** Every text of at least `phraseWords` words that is a part of the sentence, or all of it. */
function partsOf(sentence: readonly string[], phrases: Phrases): number[] {
  const found: number[] = [];
  const hashes = sentence.map(hashOf);
  for (let from = 0; from < sentence.length; from++) {
    let hash = 0;
    for (let to = from + 1; to <= sentence.length; to++) {
      hash = longer(hash, hashes[to - 1]);
      if (to < from + phraseWords) continue;
      for (const { words, texts } of phrases.get(hash) ?? []) {
        const isThere = words.length === to - from && words.every((word, i) => word === sentence[from + i]);
        if (isThere) found.push(...texts);
      }
    }
  }
  return found;
}

/** Texts of the same words, by a hash that grows with each word: a long text has more parts than could be spelled out. */
type Phrases = ReadonlyMap<number, readonly { readonly words: readonly string[]; readonly texts: readonly number[] }[]>;

const longer = (hash: number, word: number): number => (Math.imul(hash, 0x01000193) + word) >>> 0;

function phrasesOf(tokens: readonly (readonly string[])[]): Phrases {
  const byHash = new Map<number, { words: readonly string[]; texts: number[] }[]>();
  for (const [i, words] of tokens.entries()) {
    const hash = words.map(hashOf).reduce(longer, 0);
    const group = byHash.get(hash) ?? [];
    if (group.length === 0) byHash.set(hash, group);
    const same = group.find(
      (one) => one.words.length === words.length && one.words.every((word, p) => word === words[p]),
    );
    if (same) same.texts.push(i);
    else group.push({ words, texts: [i] });
  }
  return byHash;
}

/** For each word, the texts that have it. */
function indexOfWords(tokens: readonly string[][]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  for (const [i, words] of tokens.entries()) {
    for (const word of new Set(words)) {
      const list = index.get(word);
      if (list) list.push(i);
      else index.set(word, [i]);
    }
  }
  return index;
}
