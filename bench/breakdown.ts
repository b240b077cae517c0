/**
 * What a set of texts executed against the dense model, by layer and part and by length. Two baselines stand side by side and neither
 * goes unnamed: each text's real length, and its length padded to the longest of its batch. Rows are sums of cells, totals sums of rows.
 */
import type { BertConfig } from "../bert/config.ts";
import type { Trace } from "../bert/trace.ts";
import { paddedLengths } from "./executed.ts";
import { densePassage, encoderParts, operationsOf, type PartName, partNames } from "./operations.ts";

/** MACs over all texts; element-wise work apart, outside every ratio. */
export interface Work {
  readonly executed: number;
  readonly dense: number;
  readonly padded: number;
  /** Values touched by element-wise work, as executed. */
  readonly elements: number;
}

export interface LayerWork extends Work {
  /** Counted from 1. */
  readonly layer: number;
  readonly parts: Readonly<Partial<Record<PartName, Work>>>;
  /** Rows that entered attention and feed-forward, over all texts. */
  readonly attended: number;
  readonly fed: number;
  /** Texts that were answered after this layer. */
  readonly answered: number;
}

export interface LengthBucket extends Work {
  /** Tokens of its texts, special ones included: from … to. */
  readonly from: number;
  readonly to: number;
  readonly texts: number;
  readonly tokens: number;
}

export interface Breakdown {
  readonly texts: number;
  readonly tokens: number;
  /** Over all layers. */
  readonly parts: Readonly<Record<PartName, Work>>;
  readonly layers: readonly LayerWork[];
  /** The layers without predictors and exit heads: Q/K/V, scores, mix, output, feed-forward. */
  readonly encoder: Work;
  /** Predictors and exit heads. */
  readonly overhead: Work;
  readonly total: Work;
  /** Lengths by powers of two; only buckets that have texts. */
  readonly buckets: readonly LengthBucket[];
}

const nothing: Work = { executed: 0, dense: 0, padded: 0, elements: 0 };

function plus(a: Work, b: Work): Work {
  return {
    executed: a.executed + b.executed,
    dense: a.dense + b.dense,
    padded: a.padded + b.padded,
    elements: a.elements + b.elements,
  };
}

const total = (works: readonly Work[]): Work => works.reduce(plus, nothing);

/** Over at least one text, in the order of their file: padding depends on it. */
export function breakdown(traces: readonly Trace[], config: BertConfig, predictorWidth: number): Breakdown {
  const padded = paddedLengths(traces);
  const byText = traces.map((trace, t) => cellsOf(trace, padded[t], config, predictorWidth));
  const layers = Array.from({ length: config.layers }, (_, l): LayerWork => {
    const parts = sumsByPart(byText.flatMap((cells) => cells.filter(({ layer }) => layer === l)));
    return {
      layer: l + 1,
      parts,
      ...total(Object.values(parts)),
      attended: traces.reduce((sum, trace) => sum + trace.attended[l], 0),
      fed: traces.reduce((sum, trace) => sum + trace.fed[l], 0),
      answered: traces.filter(({ exitLayer }) => exitLayer === l + 1).length,
    };
  });
  const found = sumsByPart(byText.flat());
  const parts = Object.fromEntries(partNames.map((name) => [name, found[name] ?? nothing])) as Breakdown["parts"];
  return {
    texts: traces.length,
    tokens: traces.reduce((sum, { length }) => sum + length, 0),
    parts,
    layers,
    encoder: total(encoderParts.map((name) => parts[name])),
    overhead: plus(parts.predictor, parts.exitHead),
    total: total(Object.values(parts)),
    buckets: bucketsOf(traces, byText.map(total)),
  };
}

interface Cell extends Work {
  readonly layer: number | undefined;
  readonly part: PartName;
}

function cellsOf(trace: Trace, padded: number, config: BertConfig, predictorWidth: number): Cell[] {
  const dense = (length: number) => operationsOf(config, 0, densePassage(config.layers, length));
  return [
    ...operationsOf(config, predictorWidth, trace).map(({ layer, part, macs, elements }) => {
      return { ...nothing, layer, part, executed: macs, elements };
    }),
    ...dense(trace.length).map(({ layer, part, macs }) => ({ ...nothing, layer, part, dense: macs })),
    ...dense(padded).map(({ layer, part, macs }) => ({ ...nothing, layer, part, padded: macs })),
  ];
}

function sumsByPart(cells: readonly Cell[]): Partial<Record<PartName, Work>> {
  const sums: Partial<Record<PartName, Work>> = {};
  for (const cell of cells) sums[cell.part] = plus(sums[cell.part] ?? nothing, cell);
  return sums;
}

function bucketsOf(traces: readonly Trace[], works: readonly Work[]): LengthBucket[] {
  const buckets: LengthBucket[] = [];
  const longest = Math.max(...traces.map(({ length }) => length));
  for (let from = 1, to = 16; from <= longest; from = to + 1, to *= 2) {
    const inside = traces.flatMap(({ length }, t) => (length >= from && length <= to ? [t] : []));
    if (inside.length === 0) continue;
    const tokens = inside.reduce((sum, t) => sum + traces[t].length, 0);
    buckets.push({ from, to, texts: inside.length, tokens, ...total(inside.map((t) => works[t])) });
  }
  return buckets;
}
