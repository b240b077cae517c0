/**
 * What one model can trade: accuracy against operations at every setting of a grid of dials, the front of them, and what front members take
 * in real milliseconds. Plain data out; it prints and writes nothing.
 */
import type { Dials } from "../bert/dials.ts";
import type { Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../engine/errors.ts";
import { type ScatterSeries, scatterChart } from "./charts/scatter.ts";
import { standalone } from "./charts/standalone.ts";
import {
  accuracyOf,
  type DialGrid,
  type DialPoint,
  exitsOf,
  frontOf,
  pointOfLayer,
  pointsOf,
  randomDropping,
  skimsOf,
  storeAnswers,
} from "./dial-sweep.ts";
import { gflops } from "./flops.ts";
import { measure } from "./measure.ts";
import { mean, median, sum } from "./statistics.ts";

export type PointSeries = "dense" | "skim" | "exit" | "both" | "layer" | "random";

export interface ParetoPoint {
  readonly series: PointSeries;
  readonly dials: Dials;
  /** Of the series "layer": where every text was answered. */
  readonly layer?: number;
  readonly accuracy: number;
  /** Share of texts answered as the dense model answers them. */
  readonly agreement: number;
  /** Per text, executed, overheads included. */
  readonly gflops: number;
  /** Dense on the real length ÷ executed, as a ratio of sums. */
  readonly speedup: number;
}

export interface TimedPoint extends ParetoPoint {
  /** Per text, one at a time, ids to logits: medians of interleaved rounds. */
  readonly ms: number;
  readonly denseMs: number;
  /** Dense ÷ this, in milliseconds: median of the rounds' ratios. */
  readonly realised: number;
}

export interface SweepResult {
  /** As they were run: answers and MACs of each text, for whoever certifies. */
  readonly full: DialPoint;
  readonly points: readonly DialPoint[];
  readonly baselines: readonly { readonly series: "layer" | "random"; readonly point: DialPoint }[];
}

export interface SweepOptions {
  readonly grid: DialGrid;
  /** Also exits by layer number alone, and random dropping of as many tokens. */
  readonly baselines?: boolean | undefined;
  readonly progress?: ((line: string) => void) | undefined;
}

/** Every setting of the grid on every text. The first point is the dense one. */
export async function sweepDials(
  model: Model,
  texts: readonly TokenIds[],
  { grid, baselines = false, progress = () => undefined }: SweepOptions,
): Promise<SweepResult> {
  const { abilities } = model;
  const skims = skimsOf(abilities, grid);
  const exits = exitsOf(abilities, grid);
  const points: DialPoint[] = [];
  const others: SweepResult["baselines"][number][] = [];
  for (const [i, skim] of skims.entries()) {
    progress(`${i + 1} of ${skims.length} ways to skim, ${exits.length} ways to exit each`);
    const stored = await storeAnswers(model, texts, skim);
    points.push(...pointsOf(stored, exits, model));
    if (!baselines) continue;
    if (skim !== false) others.push({ series: "random", point: await randomDropping(model, texts, stored, 1) });
    else if (abilities.exitHeads)
      for (let layer = 1; layer < model.config.layers; layer++)
        others.push({ series: "layer", point: pointOfLayer(stored, layer, model) });
  }
  progress("");
  return { full: points[0], points, baselines: others };
}

export interface ParetoReport {
  readonly texts: number;
  readonly settings: number;
  readonly dense: ParetoPoint;
  /** Cheapest first. */
  readonly front: readonly ParetoPoint[];
  readonly baselines: readonly ParetoPoint[];
}

export function paretoReport({ full, points, baselines }: SweepResult, labels: readonly number[]): ParetoReport {
  const denseMacs = sum(full.macs);
  const described = ({ dials, layer, answers, macs }: DialPoint, series: PointSeries): ParetoPoint => ({
    series,
    dials,
    ...(layer !== undefined && { layer }),
    accuracy: accuracyOf(answers, labels),
    agreement: accuracyOf(answers, full.answers),
    gflops: gflops(mean(macs)),
    speedup: denseMacs / sum(macs),
  });
  const all = points.map((point) => described(point, seriesOf(point.dials)));
  const front = frontOf(all.map(({ accuracy, gflops: macs }) => ({ accuracy, macs })));
  return {
    texts: labels.length,
    settings: points.length,
    dense: all[0],
    front: front.map((i) => all[i]),
    baselines: baselines.map(({ series, point }) => described(point, series)),
  };
}

export interface Wanted {
  /** At least so many times fewer MACs than dense. */
  readonly speedup: number;
  /** Only settings at which tokens are skimmed and texts exit. */
  readonly both: boolean;
}

/** The most accurate setting that saves enough; the fastest of equals. Throws ERR_INPUT if none does. */
export function chooseSetting(
  { full, points, baselines }: SweepResult,
  labels: readonly number[],
  wanted: Wanted,
): ParetoPoint {
  const allowed = points.filter(({ dials }) => !wanted.both || seriesOf(dials) === "both");
  const { front } = paretoReport({ full, points: [full, ...allowed], baselines }, labels);
  const fast = front.filter(({ series, speedup }) => speedup >= wanted.speedup && (!wanted.both || series === "both"));
  if (fast.length > 0) return fast[fast.length - 1];
  const most = Math.max(...front.map(({ speedup }) => speedup));
  throw new TaperError(
    "ERR_INPUT",
    `no setting saves ${wanted.speedup} times the MACs; the most that one saves is ${most.toFixed(2)}.`,
  );
}

function seriesOf({ skim, exit }: Dials): PointSeries {
  if (skim === false) return exit === false ? "dense" : "exit";
  return exit === false ? "skim" : "both";
}

/** Runs some points for real, one text at a time, in turn with the dense model. */
export async function timePoints(
  model: Model,
  texts: readonly TokenIds[],
  points: readonly ParetoPoint[],
  runs: number,
): Promise<TimedPoint[]> {
  const pass = (dials: Dials) => async (): Promise<void> => {
    for (const text of texts) await model.forwardEncodings([text], dials);
  };
  const functions: Record<string, () => Promise<void>> = { dense: pass({ skim: false, exit: false }) };
  for (const [i, { dials }] of points.entries()) functions[`point ${i}`] = pass(dials);
  const { samples, ratio } = await measure(functions, { runs, warmup: 1 });
  const perText = (name: string): number => median(samples[name]) / texts.length;
  return points.map((point, i) => ({
    ...point,
    ms: perText(`point ${i}`),
    denseMs: perText("dense"),
    realised: ratio("dense", `point ${i}`).median,
  }));
}

/** At most `count` of the front, its ends among them. */
export function spread<T>(front: readonly T[], count: number): T[] {
  if (front.length <= count) return [...front];
  const chosen = new Set(Array.from({ length: count }, (_, i) => Math.round((i * (front.length - 1)) / (count - 1))));
  return front.filter((_, i) => chosen.has(i));
}

/** The front in a plane, as a file. */
export function paretoChart({ front, dense, baselines }: ParetoReport, title: string): string {
  const tip = (point: ParetoPoint): string =>
    `${(100 * point.accuracy).toFixed(2)} %, ${point.speedup.toFixed(2)}×, ${inWords(point)}`;
  const series = (name: string, colour: string, points: readonly ParetoPoint[], joined = true): ScatterSeries => ({
    name,
    colour,
    joined,
    points: points.map((point) => ({ x: point.gflops, y: point.accuracy, tip: tip(point) })),
  });
  const of = (name: PointSeries): ParetoPoint[] => baselines.filter((point) => point.series === name);
  const all = [
    series("front", "var(--both)", front),
    ...(of("layer").length > 0 ? [series("by layer number", "var(--exit)", of("layer"))] : []),
    ...(of("random").length > 0 ? [series("random dropping", "var(--worst)", of("random"), false)] : []),
    { ...series("dense", "var(--dense)", [dense]), ring: true },
  ];
  const formatY = (value: number, step: number): string => `${(100 * value).toFixed(step < 0.01 ? 1 : 0)} %`;
  const axes = { x: "GFLOPs per text", y: "accuracy", formatY, leastSpan: 0.02 };
  return standalone(scatterChart(all, { width: 720, title, ...axes }));
}

/** Dials as a person would say them. */
export function inWords({ dials: { skim, exit }, layer }: Pick<ParetoPoint, "dials" | "layer">): string {
  const parts = [skim || undefined, exit || undefined].flatMap((part) =>
    Object.entries(part ?? {}).map(([name, value]) => `${name} ${value}`),
  );
  if (layer !== undefined) parts.push(`layer ${layer}`);
  return parts.length === 0 ? "dense" : parts.join(", ");
}
