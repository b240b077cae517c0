/**
 * One model over one task's texts: what it answered, and what that took, text by text. Plain numbers, so that they can be kept in a file
 * and compared with another model's. It times nothing and judges nothing.
 */

import type { Dials } from "../../bert/dials.ts";
import { denseEncoderMacs, taskHeadMacs } from "../../bert/macs.ts";
import type { Model } from "../../bert/model.ts";
import type { Encoding } from "../../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../../bert/trace.ts";
import { argmax } from "../../exit/criteria.ts";
import { readCases } from "../../train/truecasing.ts";
import type { LabelledText } from "../evaluate.ts";
import { paddedLengths } from "../executed.ts";
import { mean, sum } from "../statistics.ts";

/** A text with what is asked of it: one label for all of it, or one for each token (−1: not asked). */
export interface AskedText {
  readonly encoding: Encoding;
  readonly tags: readonly number[];
  readonly whole: boolean;
}

export interface Answers {
  /** Of text t: answers[starts[t]] … answers[starts[t + 1] − 1], labels' ids; truth alike. */
  readonly starts: readonly number[];
  readonly answers: readonly number[];
  readonly truth: readonly number[];
  /** By text. */
  readonly lengths: readonly number[];
  readonly macs: readonly number[];
  readonly denseMacs: readonly number[];
  /** Over all texts. */
  readonly overheadMacs: number;
  readonly paddedMacs: number;
  readonly meanExitLayer: number;
  /** By layer: rows that entered its attention ÷ tokens of all texts. */
  readonly kept: readonly number[];
}

export function wholeTexts(model: Model, rows: readonly LabelledText[]): AskedText[] {
  return rows.map(({ text, label }) => ({ encoding: model.encode(text), tags: [label], whole: true }));
}

export function wordsOfTexts(model: Model, texts: readonly string[]): AskedText[] {
  const tokenizer = { encode: (lower: string | readonly [string, string]) => model.encode(lower) };
  return texts.map((text) => ({ ...readCases(text, tokenizer, model.maxLength), whole: false }));
}

/** At most so many of `all`, spread evenly: the head of a file need not be like the rest of it. */
export function spread<T>(all: readonly T[], most: number): T[] {
  const step = Math.max(1, all.length / most);
  return Array.from({ length: Math.min(most, all.length) }, (_, i) => all[Math.floor(i * step)]);
}

/** Runs all texts once, packed in batches of 32. */
export async function answersOf(
  model: Model,
  texts: readonly AskedText[],
  dials: Dials,
  progress: (done: number) => void = () => undefined,
): Promise<Answers> {
  const c = model.config.labels.length;
  const starts = [0];
  const answers: number[] = [];
  const truth: number[] = [];
  const traces: Trace[] = [];
  for (let from = 0; from < texts.length; from += 32) {
    const now = texts.slice(from, from + 32);
    const { logits, trace } = await model.forwardEncodings(
      now.map(({ encoding }) => encoding),
      dials,
    );
    for (const [t, { tags }] of now.entries()) {
      for (const [i, tag] of tags.entries()) {
        if (tag < 0) continue;
        answers.push(argmax(logits[t].subarray(i * c, (i + 1) * c)));
        truth.push(tag);
      }
      starts.push(answers.length);
    }
    traces.push(...trace);
    progress(traces.length);
  }
  const { config } = model;
  const lengths = traces.map(({ length }) => length);
  return {
    starts,
    answers,
    truth,
    lengths,
    macs: traces.map(({ macs }) => macs),
    denseMacs: traces.map(({ denseMacs }) => denseMacs),
    overheadMacs: sum(traces.map(({ overheadMacs }) => overheadMacs)),
    paddedMacs: sum(paddedLengths(traces).map((n) => denseEncoderMacs(config, n) + taskHeadMacs(config, n))),
    meanExitLayer: mean(traces.map(({ exitLayer }) => exitLayer)),
    kept: Array.from(
      { length: config.layers },
      (_, l) => sum(traces.map(({ attended }) => attended[l])) / sum(lengths),
    ),
  };
}
