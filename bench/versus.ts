/**
 * The same dense BERT by several hands, on the same weights and texts: checked to be the same, then timed in turn. It knows neither
 * who they are nor where the model comes from.
 */
import type { Variant } from "../kernels/assembler/variant.ts";
import { measure } from "./measure.ts";
import type { BertSession } from "./peers/peer.ts";
import { sameLogits } from "./same-logits.ts";
import { median, pairwiseRatios, type Summary, summarise } from "./statistics.ts";
import { settle } from "./variants.ts";

export interface Rival {
  readonly name: string;
  readonly session: BertSession;
  /** Whose flags its code is compiled under; a peer is compiled under none. */
  readonly variant?: Variant | undefined;
  /** How far its logits may be from the first's; infinite for 8 bits, whose difference is reported only. Default 1e-4. */
  readonly tolerance?: number | undefined;
}

export interface VersusRow {
  readonly by: string;
  /** Milliseconds of the whole batch, from ids to logits. */
  readonly ms: Summary;
  /** How much longer it took than each, by name: medians of the rounds' ratios. */
  readonly against: Readonly<Record<string, number>>;
  /** Largest absolute difference of a logit from the first's. */
  readonly difference: number;
}

export interface VersusOptions {
  /** Rounds of all in turn. Default 15. */
  readonly runs?: number | undefined;
  /** No further round after so many seconds; a tenth of it, up to 0.4 s, is each one's to warm up. Default 10. */
  readonly seconds?: number | undefined;
  /**
   * Shortest time of a sample: quick models run several times in one, so that what is timed is a model at work and not one whose weights
   * its rival has just driven out of the cache. Default 20.
   */
  readonly sampleMs?: number | undefined;
}

/** A forward is a dozen functions; each has to be called often enough to be optimised before another's flags are set. */
const longestSettling = 400;

/** One batch of texts. The first rival is what logits are compared with. Throws ERR_BACKEND if any differs. */
export async function versus(
  ids: readonly (readonly number[])[],
  rivals: readonly Rival[],
  { runs = 15, seconds = 10, sampleMs = 20 }: VersusOptions = {},
): Promise<VersusRow[]> {
  const settleMs = Math.min(longestSettling, 100 * seconds);
  // Before anything else runs: what V8's optimiser sees first, it compiles under the flags of that moment.
  for (const { session, variant = "plain" } of rivals) await settle(variant, () => session.run(ids), settleMs);
  const expected = await rivals[0].session.run(ids);
  const differences: number[] = [];
  const functions: Record<string, () => Promise<void>> = {};
  const calls: number[] = [];
  for (const { name, session, tolerance } of rivals) {
    differences.push(sameLogits(await session.run(ids), expected, name, tolerance));
    const startedAt = performance.now();
    await session.run(ids);
    const times = Math.max(1, Math.ceil(sampleMs / (performance.now() - startedAt)));
    calls.push(times);
    functions[name] = async () => {
      for (let i = 0; i < times; i++) await session.run(ids);
    };
  }
  const { samples } = await measure(functions, { runs, seconds, warmup: 1 });
  return rivals.map(({ name }, r) => {
    const ms = samples[name].map((time) => time / calls[r]);
    const against = rivals.map((other, o) => {
      const theirs = samples[other.name].map((time) => time / calls[o]);
      return [other.name, median(pairwiseRatios(ms, theirs))];
    });
    return { by: name, ms: summarise(ms), against: Object.fromEntries(against), difference: differences[r] };
  });
}
