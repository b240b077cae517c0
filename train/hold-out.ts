/**
 * Which texts to keep away from training. Treebank data (SST-2) label every phrase of a sentence on its own: a random split would
 * measure on phrases whose sentence was trained on. Here a sentence is held out together with its longer phrases.
 */
import type { Random } from "../engine/random.ts";

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
  const phrases = groupBy(tokens.map((words) => words.join(" ")));
  const withWord = indexOfWords(tokens);
  const held = new Set<number>();
  const order = random.shuffle(texts.map((_, i) => i));
  const isSentence = (i: number): boolean => tokens[i].length >= sentenceWords;
  for (const seed of [...order.filter(isSentence), ...order.filter((i) => !isSentence(i))]) {
    if (held.size >= count) break;
    if (held.has(seed)) continue;
    held.add(seed);
    if (!isSentence(seed)) continue;
    for (const sentence of textsAround(tokens[seed], tokens, withWord)) {
      for (const i of partsOf(tokens[sentence], phrases)) held.add(i);
    }
  }
  return [...held].sort((a, b) => a - b);
}

/** Every text that has all of `words` in a row: looked for among those that have the rarest of them. */
function textsAround(words: readonly string[], tokens: readonly string[][], withWord: Map<string, number[]>): number[] {
  const lists = words.map((word) => withWord.get(word) ?? []);
  const fewest = lists.reduce((a, b) => (b.length < a.length ? b : a));
  const phrase = ` ${words.join(" ")} `;
  return fewest.filter((i) => ` ${tokens[i].join(" ")} `.includes(phrase));
}

/** Every text of at least `phraseWords` words that is a part of the sentence, or all of it. */
function partsOf(sentence: readonly string[], phrases: Map<string, number[]>): number[] {
  const found: number[] = [];
  for (let from = 0; from < sentence.length; from++) {
    for (let to = from + phraseWords; to <= sentence.length; to++) {
      found.push(...(phrases.get(sentence.slice(from, to).join(" ")) ?? []));
    }
  }
  return found;
}

function groupBy(keys: readonly string[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [i, key] of keys.entries()) {
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  }
  return groups;
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
