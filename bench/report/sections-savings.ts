/** The headline figures, the ablation, and accuracy against what is saved. */
import type { AblationRow } from "../ablation.ts";
import { type ScatterSeries, scatterChart } from "../charts/scatter.ts";
import { sharesChart } from "../charts/shares.ts";
import { narrowestWay } from "../subject.ts";
import type { SeriesName, SweepPoint } from "../sweep.ts";
import type { ReportData } from "./data.ts";
import { between, digits, percent, points, times } from "./format.ts";
import { escapeHtml, figure, half, type Row, responsive, section, table } from "./html.ts";

/** The row of the way that saves most. */
function narrowest({ latency }: ReportData): AblationRow {
  const ways = Object.fromEntries(latency.ablation.map((row) => [row.name, row]));
  return ways[narrowestWay({ ways: ways as never })];
}

export function headline(data: ReportData): string {
  const row = narrowest(data);
  const { low, high } = row.latency.speedupInterval;
  const tiles: (readonly [string, string, string])[] = [
    ["fewer operations", times(row.counted), "GFLOPs, against dense on the real length"],
    ["faster", times(row.realised), `ids to logits; 95 %: ${between(low, high)}`],
    ["of it realised", percent(row.realisedFraction, 0), "faster ÷ fewer; 100 % is all of it"],
  ];
  if (row.against !== undefined) {
    const { difference, low: least, high: most } = row.against;
    tiles.push([
      "accuracy",
      `${points(difference)} pt`,
      `${percent(row.accuracy)}; 95 %: ${points(least)} … ${points(most)}`,
    ]);
  } else if (row.agreement !== undefined) {
    tiles.push(["answers as dense", percent(row.agreement), "no labels: agreement, not accuracy"]);
  } else {
    tiles.push(["median", `${digits(row.latency.ms.p50)} ms`, "per text"]);
  }
  const drawn = tiles.map(
    ([name, value, detail]) =>
      `<div class="tile"><dt>${escapeHtml(name)}</dt><dd class="value">${escapeHtml(value)}</dd><dd class="detail">${escapeHtml(detail)}</dd></div>`,
  );
  return `<dl class="tiles">${drawn.join("")}</dl>`;
}

export function ablationSection(data: ReportData): string {
  const { ablation } = data.latency;
  const judged = ablation.some(({ accuracy }) => accuracy !== undefined);
  const agrees = ablation.some(({ agreement }) => agreement !== undefined);
  const headings = [
    "",
    ...(judged ? ["accuracy", "calib. error"] : []),
    ...(agrees ? ["as dense"] : []),
    "GFLOPs",
    "fewer",
    "p50 ms",
    "faster",
    "95 %",
    "realised",
    "roof ms",
  ];
  const rows = ablation.map((row): Row => {
    const { low, high } = row.latency.speedupInterval;
    return {
      cells: [
        row.title,
        ...(judged ? [percent(row.accuracy), percent(row.calibrationError)] : []),
        ...(agrees ? [percent(row.agreement)] : []),
        digits(row.gflops),
        times(row.counted),
        digits(row.latency.ms.p50),
        times(row.realised),
        row.name === "dense" ? "–" : between(low, high),
        row.realisedFraction.toFixed(2),
        digits(row.roofMs),
      ],
      strong: row === narrowest(data),
      quiet: row.name === "dense-padded" || row.name === "worst",
    };
  });
  const dense = ablation.find(({ name }) => name === "dense")!;
  const shares = ablation.map((row) => ({
    name: row.title,
    counted: 1 / row.counted,
    measured: 1 / row.realised,
    floor: row.roofMs === undefined ? undefined : row.roofMs / (dense.latency.forwardMs || 1),
  }));
  const chart = (width: number): string =>
    sharesChart(shares, {
      width,
      title: "GFLOPs and milliseconds as shares of the dense model's",
      countedName: "GFLOPs",
      measuredName: "milliseconds",
      floorName: "roof",
    });
  return section(
    "What each saving saves",
    "Counted beside realised: the same texts, the same weights, one saving switched on after the other. “Fewer” and “faster” are dense on the real length ÷ this; “realised” is faster ÷ fewer.",
    table(headings, rows),
    figure(
      "Shares of the dense model on each text’s real length. Roof: Σ max(MACs ÷ peak, bytes ÷ bandwidth) with the peaks of this machine, a floor without overheads. Padded: lengthened to the longest of a batch of 32. Worst case: every predictor and exit head paid for, nothing gained.",
      responsive(chart),
    ),
  );
}

const colours: Readonly<Record<SeriesName, string>> = {
  dense: "var(--dense)",
  skim: "var(--skim)",
  exit: "var(--exit)",
  both: "var(--both)",
};
const names: Readonly<Record<SeriesName, string>> = { dense: "dense", skim: "skim", exit: "exit", both: "skim + exit" };

export function tradeOffSection({ sweep }: ReportData): string {
  if (sweep.length === 0) return "";
  const judged = sweep.some(({ accuracy }) => accuracy !== undefined);
  const y = judged ? "accuracy" : "answers as dense";
  const chart = (x: "gflops" | "ms", name: string) => (width: number) =>
    scatterChart(seriesOf(sweep, x), {
      width,
      title: `${y} against ${name}`,
      x: name,
      y,
      formatY: (value, step) => percent(value, step < 0.0099 ? 1 : 0),
      leastSpan: 0.06,
    });
  return section(
    "What it costs in accuracy",
    "Every point is a dial. Left of dense is saved; the distance between the two pictures is what products promise and time does not keep.",
    `<div class="pair">${figure("Counted.", responsive(chart("gflops", "GFLOPs per text"), half))}${figure("Measured, ids to logits.", responsive(chart("ms", "ms per text"), half))}</div>`,
  );
}

/** Dense last, so that its ring lies above the rest. */
function seriesOf(sweep: readonly SweepPoint[], x: "gflops" | "ms"): ScatterSeries[] {
  const order: readonly SeriesName[] = ["skim", "exit", "both", "dense"];
  return order.flatMap((name): ScatterSeries[] => {
    const own = sweep.filter(({ series }) => series === name);
    if (own.length === 0) return [];
    const all = own.map((point) => {
      const value = point.accuracy ?? point.agreement;
      const tip = `${names[name]}, ${point.dial}: ${percent(value)}, ${digits(point.gflops)} GFLOPs, ${digits(point.ms)} ms`;
      return { x: point[x], y: value, tip };
    });
    return [
      { name: names[name], colour: colours[name], points: all, joined: name !== "dense", ring: name === "dense" },
    ];
  });
}
