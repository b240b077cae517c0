/**
 * Throughput when all texts are there at once, as in MLPerf's offline scenario: ragged batches of several sizes and several dials,
 * interleaved. Tokenisation is not in it. A batch is packed without padding.
 */
import type { Dials } from "../bert/dials.ts";
import type { Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { measure } from "./measure.ts";
import { median } from "./statistics.ts";

export interface OfflineRow {
  readonly way: string;
  readonly batch: number;
  readonly textsPerSecond: number;
  readonly tokensPerSecond: number;
  /** Rounds over all texts; the figures are of the median round. */
  readonly rounds: number;
}

export interface OfflineOptions {
  readonly batches: readonly number[];
  readonly seconds: number;
}

/** Batches are taken in the texts' order; sizes beyond their number are left out. */
export async function offline(
  model: Model,
  texts: readonly TokenIds[],
  ways: Readonly<Record<string, Dials>>,
  { batches, seconds }: OfflineOptions,
): Promise<OfflineRow[]> {
  const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  const sizes = batches.filter((size) => size <= texts.length);
  const cells = Object.entries(ways).flatMap(([way, dials]) => sizes.map((batch) => ({ way, dials, batch })));
  const functions = Object.fromEntries(
    cells.map(({ way, dials, batch }) => [
      `${way} ${batch}`,
      async () => {
        for (let from = 0; from < texts.length; from += batch)
          await model.forwardEncodings(texts.slice(from, from + batch), dials);
      },
    ]),
  );
  const { samples } = await measure(functions, { seconds, warmup: 1 });
  return cells.map(({ way, batch }) => {
    const rounds = samples[`${way} ${batch}`];
    const perSecond = 1000 / median(rounds);
    return {
      way,
      batch,
      textsPerSecond: texts.length * perSecond,
      tokensPerSecond: tokens * perSecond,
      rounds: rounds.length,
    };
  });
}
