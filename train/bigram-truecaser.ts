/**
 * What a word and the word before it say of the word's case: counts, with the word alone to fall back on. The baseline that a truecaser
 * which reads whole texts must be compared with; it learns in one pass and knows no backend.
 * Source: the interpolated bigram, https://web.stanford.edu/~jurafsky/slp3/3.pdf
 */
import { TaperError } from "../engine/errors.ts";

/** A text's tokens in lower case, and for each the id of its word's case, or −1 where none is asked (truecasing.ts). */
export interface CasedTokens {
  readonly tokens: readonly string[];
  readonly tags: readonly number[];
}

export interface BigramTruecaser {
  /** Words, and pairs of neighbours, that were counted. */
  readonly features: number;
  /** For each token the most frequent case, or −1 where none is asked. */
  answers(text: CasedTokens): number[];
}

/** `weight`: as many sightings of a pair count as much as the word alone. Throws ERR_DATA where no word has a case. */
export function trainBigramTruecaser(texts: Iterable<CasedTokens>, classes: number, weight = 1): BigramTruecaser {
  const counts = new Map<string, Float64Array>();
  const all = new Float64Array(classes);
  const countAt = (key: string): Float64Array => {
    const found = counts.get(key) ?? new Float64Array(classes);
    counts.set(key, found);
    return found;
  };
  for (const text of texts) {
    for (const { word, pair, tag } of wordsOf(text)) {
      if (tag < 0) continue;
      countAt(word)[tag]++;
      countAt(pair)[tag]++;
      all[tag]++;
    }
  }
  const total = sumOf(all);
  if (total === 0) throw new TaperError("ERR_DATA", "truecasing by bigrams: expected words with a case, found none.");
  const onTop = (below: Float64Array, key: string): Float64Array => {
    const own = counts.get(key);
    if (own === undefined) return below;
    const seen = sumOf(own) + weight;
    return below.map((share, k) => (own[k] + weight * share) / seen);
  };
  const shares = all.map((count) => count / total);
  return {
    features: counts.size,
    answers(text) {
      const found = text.tags.map(() => -1);
      for (const { word, pair, tag, at } of wordsOf(text)) {
        if (tag < 0) continue;
        const likely = onTop(onTop(shares, word), pair);
        found[at] = likely.indexOf(Math.max(...likely));
      }
      return found;
    },
  };
}

/** Words put together from their pieces, with where they begin; `pair` cannot be a word, as it has a space. */
function* wordsOf({ tokens, tags }: CasedTokens): Generator<{ word: string; pair: string; tag: number; at: number }> {
  let before = "";
  for (let at = 0; at < tokens.length; ) {
    let word = tokens[at];
    let end = at + 1;
    while (end < tokens.length && tokens[end].startsWith("##")) word += tokens[end++].slice(2);
    yield { word, pair: `${before} ${word}`, tag: tags[at], at };
    before = word;
    at = end;
  }
}

const sumOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
