/**
 * What a row takes in real milliseconds against the task's dense model: texts one at a time, and in ragged batches of 32; ids to logits.
 * The two models take turns every 32 texts, so that each finds the caches as its own traffic leaves them.
 */
import type { Dials } from "../../bert/dials.ts";
import type { Model } from "../../bert/model.ts";
import type { TokenIds } from "../../bert/tokenizer/tokenizer.ts";
import { dense } from "../dials.ts";
import { measure } from "../measure.ts";
import { figuresOf } from "../single-stream.ts";
import { mean, median, sum } from "../statistics.ts";
import { stream } from "../stream.ts";

export interface TimedRow {
  readonly texts: number;
  /** Rounds over all texts. */
  readonly runs: number;
  /** Per text, one at a time. */
  readonly ms: number;
  readonly denseMs: number;
  readonly faster: number;
  /** Per text, in batches of 32 packed without padding. */
  readonly batchMs: number;
  readonly batchDenseMs: number;
  readonly batchFaster: number;
  /** The dense model's MACs ÷ the row's, on these texts: what `faster` would be if every product saved saved its time. */
  readonly counted: number;
}

/** Texts in a row before the other model's turn, and in a batch. */
const block = 32;

/** The model with its dials against another, dense. */
export async function timeRow(
  model: Model,
  dials: Dials,
  against: Model,
  texts: readonly TokenIds[],
  runs: number,
): Promise<TimedRow> {
  const prepare = (t: number): TokenIds => texts[t];
  const one = (it: Model, options: Dials) => ({
    prepare,
    run: (text: TokenIds) => it.forwardEncodings([text], options),
  });
  const timed = await stream(texts.length, { dense: one(against, dense), row: one(model, dials) }, { runs, block });
  const { dense: whole, row } = figuresOf(timed, "dense");
  const counted = { dense: 0, row: 0 };
  const batches = (it: Model, options: Dials, name: keyof typeof counted) => async (): Promise<void> => {
    counted[name] = 0;
    for (let from = 0; from < texts.length; from += block) {
      const { trace } = await it.forwardEncodings(texts.slice(from, from + block), options);
      counted[name] += sum(trace.map(({ macs }) => macs));
    }
  };
  const functions = { dense: batches(against, dense, "dense"), row: batches(model, dials, "row") };
  const { samples, ratio } = await measure(functions, { runs, warmup: 1 });
  return {
    texts: texts.length,
    runs,
    ms: mean(row.textMs),
    denseMs: mean(whole.textMs),
    faster: row.speedup,
    batchMs: median(samples.row) / texts.length,
    batchDenseMs: median(samples.dense) / texts.length,
    batchFaster: ratio("dense", "row").median,
    counted: counted.dense / counted.row,
  };
}
