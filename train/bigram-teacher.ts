/**
 * A bag of bigrams as a teacher: what it says of every text of a run, as logits. It learns in seconds from the run's own labels, so that texts
 * without labels have something to say to a small BERT. A labelled text is answered by a bag that has seen neither it nor a phrase of it: one
 * that has, only repeats the label. A splice (splice.ts) is made of texts of one half, and answered by the other half's bag.
 */
import { Random } from "../engine/random.ts";
import { type BigramModel, type BigramRow, trainBigrams } from "./bigrams.ts";
import { type Dataset, textsIn } from "./dataset.ts";
import { chooseHoldOut } from "./hold-out.ts";
import type { Prepared } from "./prepare.ts";

/** The labelled texts in halves, 0 and 1, by the texts' indices: no phrase of a text is in the other half. */
export function halvesOf(labelled: readonly number[], sources: readonly string[]): Map<number, number> {
  const inFirst = chooseHoldOut(
    labelled.map((t) => sources[t]),
    Math.floor(labelled.length / 2),
    new Random("halves"),
  );
  const halves = new Map(labelled.map((t) => [t, 1]));
  for (const i of inFirst) halves.set(labelled[i], 0);
  return halves;
}

/** Logits [texts, c] of the texts whose words are `sources`. Those to `learn` from have labels in `set`, or −1. */
export function bigramAnswers(
  set: Dataset,
  { sources, learn, partOf }: Pick<Prepared, "sources" | "learn" | "partOf">,
  c: number,
  progress: (done: number, of: number) => void,
): Float32Array {
  const labelled = learn.filter((t) => set.labels[t] >= 0);
  const row = (t: number): BigramRow => ({ text: sources[t], label: set.labels[t] });
  const texts = textsIn(set);
  const half = halvesOf(labelled, sources);
  const whole = trainBigrams(labelled.map(row));
  const unlike = [1, 0].map((other) => trainBigrams(labelled.filter((t) => half.get(t) === other).map(row)));
  const answers = new Float32Array(texts * c);
  for (let t = 0; t < texts; t++) {
    const own = half.get(partOf.get(t) ?? t);
    answers.set(logitsOf(own === undefined ? whole : unlike[own], sources[t], c), t * c);
    if (t % 1000 === 999) progress(t + 1, texts);
  }
  return answers;
}

/** Each class against the rest is a probability σ(score); as logits their softmax is these probabilities, made to sum to 1. */
function logitsOf(model: BigramModel, text: string, c: number): number[] {
  const scores = model.scores(text);
  return Array.from({ length: c }, (_, k) => -Math.log1p(Math.exp(-(scores[k] ?? Number.NEGATIVE_INFINITY))));
}
