/** Distributions one above the other on one logarithmic axis: histograms with the median marked. */
import { quantile } from "../statistics.ts";
import { logarithmic, tickText } from "./scale.ts";
import { element, label, line, picture } from "./svg.ts";

export interface Ridge {
  readonly name: string;
  readonly colour: string;
  /** Above 0. */
  readonly samples: readonly number[];
}

export interface RidgesOptions {
  readonly width: number;
  readonly title: string;
  /** What the axis shows. */
  readonly x: string;
}

const rowHeight = 52;

export function ridgesChart(ridges: readonly Ridge[], { width, title, x }: RidgesOptions): string {
  const all = ridges.flatMap(({ samples }) => samples);
  if (all.length === 0) return "";
  const narrow = width < 480;
  const left = narrow ? 0 : 132;
  const right = width - 8;
  const scale = logarithmic(0.92 * Math.min(...all), 1.08 * Math.max(...all), left, right);
  const step = rowHeight + (narrow ? 14 : 0);
  const height = ridges.length * step + 44;
  const foot = height - 38;
  const ticks = thinned(scale.ticks, scale.at, 34);
  const grid = ticks.flatMap((tick) => [
    line(scale.at(tick), 4, scale.at(tick), foot),
    label(scale.at(tick), foot + 13, tickText(tick), { anchor: "middle" }),
  ]);
  const bins = Math.max(16, Math.min(64, Math.floor((right - left) / 9)));
  const rows = ridges.map((ridge, i) =>
    drawRidge(ridge, { base: (i + 1) * step, left, right, bins, narrow, at: scale.at }),
  );
  const words = ridges.map(({ name, samples }) => `${name}: median ${quantile(samples, 0.5).toPrecision(3)}`);
  return picture(
    width,
    height,
    title,
    words.join("; "),
    ...grid,
    ...rows,
    label(right, foot + 30, x, { anchor: "end" }),
  );
}

interface RidgeFrame {
  readonly base: number;
  readonly left: number;
  readonly right: number;
  readonly bins: number;
  readonly narrow: boolean;
  readonly at: (value: number) => number;
}

function drawRidge({ name, colour, samples }: Ridge, { base, left, right, bins, narrow, at }: RidgeFrame): string {
  const counts = new Array<number>(bins).fill(0);
  const binWidth = (right - left) / bins;
  for (const sample of samples) counts[Math.min(bins - 1, Math.max(0, Math.floor((at(sample) - left) / binWidth)))]++;
  const tallest = Math.max(...counts);
  const heights = counts.map((count) => (count / tallest) * (rowHeight - 14));
  const steps = heights.map(
    (h, i) => `L${(left + i * binWidth).toFixed(1)} ${(base - h).toFixed(1)}h${binWidth.toFixed(1)}`,
  );
  const middle = at(quantile(samples, 0.5));
  return [
    element("path", {
      d: `M${left} ${base}${steps.join("")}L${right.toFixed(1)} ${base}Z`,
      fill: colour,
      opacity: 0.75,
    }),
    line(left, base, right, base, "var(--grid)"),
    line(middle, base - rowHeight + 12, middle, base, "var(--ink)", 1.5),
    label(narrow ? 0 : left - 12, narrow ? base - rowHeight + 2 : base - 12, name, {
      anchor: narrow ? "start" : "end",
      colour: "var(--ink)",
      size: 13,
    }),
  ].join("");
}

/** Ticks at least so many pixels apart. */
function thinned(ticks: readonly number[], at: (value: number) => number, apart: number): number[] {
  const kept: number[] = [];
  for (const tick of ticks) if (kept.length === 0 || at(tick) - at(kept[kept.length - 1]) >= apart) kept.push(tick);
  return kept;
}
