/**
 * A stated schedule of narrowing, for models whose weights decide nothing of value: how much of a text is kept, layer by layer.
 * It makes traces to replay and to count with; it does not run anything.
 */
import type { BertConfig } from "../bert/config.ts";
import { passageMacs } from "../bert/macs.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import { stepBefore, type Trace } from "../bert/trace.ts";
import { TaperError } from "../engine/errors.ts";

/** Reads "0.9,0.8,…": the share of a text's tokens that each layer attends to. Later layers go on with the last share given. */
export function parseSchedule(text: string, layers: number, where: string): number[] {
  const shares = text.split(",").map((share) => (share.trim() === "" ? Number.NaN : Number(share)));
  const wrong = shares.findIndex((share, l) => !(share >= 0 && share <= (shares[l - 1] ?? 1)));
  if (wrong >= 0 || shares.length > layers) {
    const found =
      wrong < 0 ? `${shares.length} shares for ${layers} layers` : `"${text.split(",")[wrong]}" for layer ${wrong + 1}`;
    throw new TaperError(
      "ERR_OPTION",
      `${where}: expected at most ${layers} shares from 1 to 0 that never grow, like 0.9,0.8,0.7; found ${found}.`,
    );
  }
  return Array.from({ length: layers }, (_, l) => shares[Math.min(l, shares.length - 1)]);
}

/**
 * The trace of a text of `length` tokens that keeps `shares[l]` of them for layer l, [CLS] always. The last tokens leave first;
 * which ones they are costs nothing. Predictors score the rows of each layer and exit heads read after it, where `taper` has them;
 * no text exits.
 */
export function scheduledTrace(
  length: number,
  shares: readonly number[],
  config: BertConfig,
  taper: TaperConfig = {},
): Trace {
  const kept = shares.map((share) => Math.max(1, Math.round(share * length)));
  const width = taper.skim?.predictorWidth ?? 0;
  const passage = {
    length,
    attended: kept,
    fed: kept,
    scored: kept.map((_, l) => (width > 0 ? (kept[l - 1] ?? length) : 0)),
    heads: kept.map((_, l) => (taper.exit?.heads || l === config.layers - 1 ? 1 : 0)),
  };
  const leftAt = Array.from({ length }, (_, position) => {
    const l = kept.findIndex((count) => position >= count);
    return stepBefore(l < 0 ? config.layers : l);
  });
  return { ...passage, exitLayer: config.layers, ...passageMacs(config, width, passage), leftAt };
}
