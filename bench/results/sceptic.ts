/**
 * What choosing is worth: the model's own skimming against random dropping of as many tokens at the same steps, and its exits against
 * answering every text after the same layer. On texts spread evenly over the task's, as each costs a forward of its own.
 */
import type { Dials } from "../../bert/dials.ts";
import type { Model } from "../../bert/model.ts";
import { argmax } from "../../exit/criteria.ts";
import { accuracyOf, type DialPoint, pointOfLayer, randomDropping, storeAnswers } from "../dial-sweep.ts";
import { sum } from "../statistics.ts";
import { type AskedText, spread } from "./answers.ts";

export interface Sceptic {
  readonly texts: number;
  /** Skimming alone, nobody exits: accuracy and MACs saved; and the accuracy of random dropping of as many tokens. */
  readonly skim?: { readonly accuracy: number; readonly speedup: number; readonly random: number };
  /** Without skimming, every text answered after this layer, by its head. */
  readonly byLayer: readonly { readonly layer: number; readonly accuracy: number; readonly speedup: number }[];
}

/** At most so many texts. */
const most = 2000;

export async function sceptic(model: Model, texts: readonly AskedText[], { skim }: Dials): Promise<Sceptic> {
  const some = spread(texts, most);
  const encodings = some.map(({ encoding }) => encoding);
  const truth = some.map(({ tags }) => tags[0]);
  const whole = await storeAnswers(model, encodings, false);
  const denseMacs = sum(whole.traces.map((trace) => trace.denseMacs));
  const row = ({ answers, macs }: DialPoint) => ({
    accuracy: accuracyOf(answers, truth),
    speedup: denseMacs / sum(macs),
  });
  const layers = model.abilities.exitHeads ? model.config.layers - 1 : 0;
  const byLayer = Array.from({ length: layers }, (_, l) => ({
    layer: l + 1,
    ...row(pointOfLayer(whole, l + 1, model)),
  }));
  if (!skim) return { texts: some.length, byLayer };
  const skimmed = await storeAnswers(model, encodings, skim);
  const random = await randomDropping(model, encodings, skimmed, 1);
  const answers = skimmed.answers.map((heads) => argmax(heads[heads.length - 1]));
  const macs = skimmed.traces.map((trace) => trace.macs);
  return {
    texts: some.length,
    skim: { ...row({ dials: { skim, exit: false }, answers, macs }), random: accuracyOf(random.answers, truth) },
    byLayer,
  };
}
