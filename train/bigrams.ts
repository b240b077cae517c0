/**
 * What word order beyond two is worth: logistic regression on a bag of words and bigrams, scaled by naive Bayes' log-count ratios. Plain
 * code, seconds to train, no backend: the baseline that a small BERT from scratch must be compared with, and a teacher for one.
 * Sources: Wang and Manning, Baselines and Bigrams, https://aclanthology.org/P12-2018/; AdaGrad, https://jmlr.org/papers/v12/duchi11a.html
 */
import { TaperError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";

export interface BigramRow {
  readonly text: string;
  /** The index of the class, from 0. */
  readonly label: number;
}

export interface BigramOptions {
  /** Default 10. */
  readonly epochs?: number;
  /** Default 0.02. */
  readonly learningRate?: number;
  /** Features of fewer texts are left out. Default 1. */
  readonly leastTexts?: number;
  /** Default 1. */
  readonly seed?: number;
}

export interface BigramModel {
  /** Words and bigrams that count. */
  readonly features: number;
  readonly classes: number;
  /** For each class, the log-odds that a text is of it and of no other. */
  scores(text: string): number[];
  /** The most probable class. */
  classify(text: string): number;
}

/** Distinct words and bigrams, lower case; a punctuation mark is a word. */
export function bigramsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}]/gu) ?? [];
  return [...new Set([...words, ...words.slice(1).map((word, i) => `${words[i]} ${word}`)])];
}

/** One regression for each class against all others. Throws ERR_DATA without two classes. */
export function trainBigrams(rows: readonly BigramRow[], options: BigramOptions = {}): BigramModel {
  const { epochs = 10, learningRate = 0.02, leastTexts = 1, seed = 1 } = options;
  const classes = rows.reduce((most, { label }) => Math.max(most, label + 1), 0);
  if (classes < 2)
    throw new TaperError("ERR_DATA", `bigrams: expected texts of at least two classes, found ${classes}.`);
  const place = placesOf(rows, leastTexts);
  const texts = rows.map(({ text }) => featuresOf(text, place));
  const regressions = Array.from({ length: classes }, (_, k) => {
    const is = rows.map(({ label }) => label === k);
    const ratios = logCountRatios(texts, is, place.size);
    return regression(texts, is, ratios, { epochs, learningRate, random: new Random(`${seed} bigrams ${k}`) });
  });
  const scores = (text: string): number[] => {
    const features = featuresOf(text, place);
    return regressions.map((score) => score(features));
  };
  return {
    features: place.size,
    classes,
    scores,
    classify(text) {
      const found = scores(text);
      return found.indexOf(Math.max(...found));
    },
  };
}

function placesOf(rows: readonly BigramRow[], leastTexts: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { text } of rows)
    for (const feature of bigramsOf(text)) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  const place = new Map<string, number>();
  for (const [feature, count] of counts) if (count >= leastTexts) place.set(feature, place.size);
  return place;
}

function featuresOf(text: string, place: ReadonlyMap<string, number>): Int32Array {
  const found: number[] = [];
  for (const feature of bigramsOf(text)) {
    const at = place.get(feature);
    if (at !== undefined) found.push(at);
  }
  return Int32Array.from(found);
}

/** r = log of (1 + count in the class) ÷ (1 + count outside), each as a share of its side. */
function logCountRatios(texts: readonly Int32Array[], is: readonly boolean[], size: number): Float64Array {
  const inside = new Float64Array(size).fill(1);
  const outside = new Float64Array(size).fill(1);
  for (const [t, features] of texts.entries()) for (const i of features) (is[t] ? inside : outside)[i]++;
  const total = (counts: Float64Array): number => counts.reduce((a, b) => a + b, 0);
  const shift = Math.log(total(outside) / total(inside));
  return inside.map((count, i) => Math.log(count / outside[i]) + shift);
}

interface Descent {
  readonly epochs: number;
  readonly learningRate: number;
  readonly random: Random;
}

/** Logistic regression on features scaled by `ratios`, by AdaGrad; the score is the log-odds. */
function regression(
  texts: readonly Int32Array[],
  is: readonly boolean[],
  ratios: Float64Array,
  { epochs, learningRate, random }: Descent,
): (features: Int32Array) => number {
  const weights = new Float64Array(ratios.length);
  const squares = new Float64Array(ratios.length).fill(1e-2);
  let bias = 0;
  let biasSquares = 1e-2;
  const score = (features: Int32Array): number => {
    let sum = bias;
    for (const i of features) sum += weights[i] * ratios[i];
    return sum;
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const t of random.shuffle(texts.map((_, i) => i))) {
      const slope = 1 / (1 + Math.exp(-score(texts[t]))) - Number(is[t]);
      for (const i of texts[t]) {
        const gradient = slope * ratios[i];
        squares[i] += gradient * gradient;
        weights[i] -= (learningRate * gradient) / Math.sqrt(squares[i]);
      }
      biasSquares += slope * slope;
      bias -= (learningRate * slope) / Math.sqrt(biasSquares);
    }
  }
  return score;
}
