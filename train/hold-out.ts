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
  const words = texts.map((text) => text.trim().split(/\s+/).length);
  const padded = texts.map((text) => ` ${text.trim().toLowerCase()} `);
  const byFirstWord = indexByWords(padded);
  const held = new Set<number>();
  const order = random.shuffle(texts.map((_, i) => i));
  const rank = (i: number): number => (words[i] >= sentenceWords ? 0 : 1);
  order.sort((a, b) => rank(a) - rank(b));
  for (const seed of order) {
    if (held.size >= count) break;
    if (held.has(seed)) continue;
    held.add(seed);
    if (words[seed] < sentenceWords) continue;
    const sentences = [seed, ...sharing(seed, padded, byFirstWord).filter((i) => padded[i].includes(padded[seed]))];
    for (const sentence of sentences) {
      held.add(sentence);
      for (const i of sharing(sentence, padded, byFirstWord)) {
        if (words[i] >= phraseWords && padded[sentence].includes(padded[i])) held.add(i);
      }
    }
  }
  return [...held].sort((a, b) => a - b);
}

/** For each word, the texts that have it. */
function indexByWords(padded: readonly string[]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  for (const [i, text] of padded.entries()) {
    for (const word of new Set(text.trim().split(/\s+/))) {
      const list = index.get(word);
      if (list) list.push(i);
      else index.set(word, [i]);
    }
  }
  return index;
}

/** The texts that share a rarer word with text i, the only ones that could contain it or be a longer part of it. */
function sharing(i: number, padded: readonly string[], index: Map<string, number[]>): number[] {
  const lists = [...new Set(padded[i].trim().split(/\s+/))].map((word) => index.get(word) ?? []);
  lists.sort((a, b) => a.length - b.length);
  // A part of four words may avoid the rarest of them, so all but the most frequent words are looked up.
  return [...new Set(lists.slice(0, Math.max(1, lists.length - 2)).flat())].filter((other) => other !== i);
}
