/** Points in a plane, in series that lines may join: what is given up against what is saved. */
import { linear, tickText } from "./scale.ts";
import { element, escapeXml, label, line, picture, textWidth } from "./svg.ts";

export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Shown when pointed at. */
  readonly tip: string;
}

export interface ScatterSeries {
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  readonly points: readonly ScatterPoint[];
  /** Join the points in their order. */
  readonly joined?: boolean;
  /** A larger ring: the point to compare with. */
  readonly ring?: boolean;
}

export interface ScatterOptions {
  readonly width: number;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** A tick of the y axis in words; `step` lies between two of them. */
  readonly formatY: (value: number, step: number) => string;
  /** The y axis spans at least so much: differences that are noise should not look like cliffs. */
  readonly leastSpan?: number;
}

/** Axis titles stand above and below the plane, the legend at the top. */
export function scatterChart(
  series: readonly ScatterSeries[],
  { width, title, x, y, formatY, leastSpan = 0 }: ScatterOptions,
): string {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return "";
  const height = Math.round(Math.min(340, Math.max(250, 0.62 * width)));
  const ys = points.map((point) => point.y);
  const top = 46;
  const bottom = height - 40;
  const vertical = linear(Math.min(...ys, Math.max(...ys) - leastSpan), Math.max(...ys), bottom, top, 4);
  const tickOf = (tick: number): string => formatY(tick, vertical.ticks[1] - vertical.ticks[0]);
  const left = 14 + Math.max(...vertical.ticks.map((tick) => textWidth(tickOf(tick))));
  const right = width - 20;
  const horizontal = linear(0, Math.max(...points.map((point) => point.x)), left, right, width < 420 ? 4 : 6);
  const grid = vertical.ticks.flatMap((tick) => [
    line(left, vertical.at(tick), right, vertical.at(tick)),
    label(left - 8, vertical.at(tick), tickOf(tick), { anchor: "end" }),
  ]);
  const feet = horizontal.ticks.map((tick) =>
    label(horizontal.at(tick), bottom + 14, tickText(tick), { anchor: "middle" }),
  );
  const marks = series.map((one) => drawSeries(one, horizontal.at, vertical.at));
  const summary = series.map((one) => `${one.name}: ${one.points.map((point) => point.tip).join("; ")}`).join(". ");
  return picture(
    width,
    height,
    title,
    summary,
    ...grid,
    ...feet,
    label(right, bottom + 31, x, { anchor: "end" }),
    label(0, 30, y),
    legend(series, width),
    ...marks,
  );
}

function drawSeries(
  { points, colour, joined, ring }: ScatterSeries,
  atX: (x: number) => number,
  atY: (y: number) => number,
) {
  const path = points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${atX(x).toFixed(1)} ${atY(y).toFixed(1)}`).join("");
  const stroke = { d: path, fill: "none", stroke: colour, "stroke-width": 1.5, opacity: 0.55 };
  const dots = points.map(({ x, y, tip }) =>
    element(
      "circle",
      {
        cx: atX(x),
        cy: atY(y),
        r: ring ? 6 : 4,
        fill: ring ? "var(--page)" : colour,
        stroke: ring ? colour : "var(--page)",
        "stroke-width": ring ? 2.5 : 1,
      },
      element("title", {}, escapeXml(tip)),
    ),
  );
  return (joined && points.length > 1 ? element("path", stroke) : "") + dots.join("");
}

function legend(series: readonly ScatterSeries[], width: number): string {
  let x = 0;
  return series
    .map(({ name, colour, ring }) => {
      const at = x;
      x += 26 + textWidth(name);
      if (at + 14 + textWidth(name) > width) return "";
      const dot = { cx: at + 5, cy: 9, r: 4, fill: ring ? "var(--page)" : colour, stroke: colour, "stroke-width": 2 };
      return element("circle", dot) + label(at + 14, 9, name, { colour: "var(--ink)" });
    })
    .join("");
}
