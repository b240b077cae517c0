/** Everything that a report shows, as plain data: what `bench report --json` prints and what the page is made of. It measures by asking. */

import type { Model } from "../../bert/model.ts";
import { type Pyramid, pyramidOf } from "../../bert/pyramid.ts";
import type { Trace } from "../../bert/trace.ts";
import { type Breakdown, breakdown } from "../breakdown.ts";
import { type LatencyOptions, type LatencyReport, measureLatency } from "../latency.ts";
import { narrowestWay, type Subject } from "../subject.ts";
import { type SweepPoint, sweep } from "../sweep.ts";

export interface Example extends Pyramid {
  /** The most probable label and its probability. */
  readonly label: string;
  readonly score: number;
}

export interface ReportData {
  readonly kind: "report";
  readonly latency: LatencyReport;
  /** Of the way that saves most. */
  readonly breakdown: Breakdown;
  readonly layers: number;
  /** By layer, with the same dials: rows that entered it, of all tokens, and texts answered after it. */
  readonly alive: readonly { readonly alive: number; readonly answered: number }[];
  readonly sweep: readonly SweepPoint[];
  readonly examples: readonly Example[];
}

const exampleCount = 4;
/** Tokens. */
const longestExample = 30;

/** Measures a subject; takes about twice as long as its latency alone. */
export async function reportOf(subject: Subject, options: LatencyOptions): Promise<ReportData> {
  const { report, observed } = await measureLatency(subject, options);
  const { config, taper } = subject;
  const widest = narrowestWay(subject);
  const traces = observed[widest].traces!;
  const work = breakdown(traces, config, taper.skim?.predictorWidth ?? 0);
  const meaningful = subject.directory !== undefined;
  const points = meaningful ? await sweep(subject, { seconds: options.seconds, progress: options.progress }) : [];
  const examples = meaningful ? await examplesOf(subject, widest, traces) : [];
  options.progress("");
  return {
    kind: "report",
    latency: report,
    breakdown: work,
    layers: config.layers,
    alive: work.layers.map(({ attended, answered }) => ({ alive: attended / work.tokens, answered })),
    sweep: points,
    examples,
  };
}

/** Texts that were answered at different layers, from early to late, of a length that can be looked at: the longest of each. */
async function examplesOf(subject: Subject, way: string, traces: readonly Trace[]): Promise<Example[]> {
  const { source, config } = subject;
  if (source === undefined || config.task !== "sequence-classification") return [];
  const longest = new Map<number, number>();
  for (const [t, { exitLayer, length }] of traces.entries()) {
    const before = longest.get(exitLayer);
    if (length <= longestExample && (before === undefined || traces[before].length < length)) longest.set(exitLayer, t);
  }
  const byLayer = [...longest].sort(([a], [b]) => a - b).map(([, t]) => t);
  const count = Math.min(exampleCount, byLayer.length);
  const chosen = Array.from({ length: count }, (_, i) => {
    return byLayer[Math.round((i * (byLayer.length - 1)) / Math.max(1, count - 1))];
  });
  const model = await subject.open();
  try {
    const examples: Example[] = [];
    for (const t of chosen) examples.push(await exampleOf(model, subject, way, t));
    return examples;
  } finally {
    await model.dispose();
  }
}

async function exampleOf(model: Model, { source, ways }: Subject, way: string, t: number): Promise<Example> {
  const text = source![t];
  const { skim, exit } = ways[way].options(t);
  const [{ label, score, trace }] = await model.classify([text], { skim, exit });
  return { label, score, ...pyramidOf(text, model.encode(text), trace) };
}
