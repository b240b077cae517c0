/** Pairs of bars against a common whole: what was counted above, what was measured below, and a tick where a floor lies. */
import { linear } from "./scale.ts";
import { bar, element, label, line, picture } from "./svg.ts";

export interface SharesRow {
  readonly name: string;
  /** Of the whole, which is 1. */
  readonly counted: number;
  readonly measured: number;
  readonly floor?: number | undefined;
}

export interface SharesOptions {
  readonly width: number;
  readonly title: string;
  readonly countedName: string;
  readonly measuredName: string;
  readonly floorName: string;
}

const rowHeight = 46;
const top = 34;

export function sharesChart(rows: readonly SharesRow[], options: SharesOptions): string {
  const { width, title, countedName, measuredName, floorName } = options;
  const narrow = width < 480;
  const left = narrow ? 0 : 132;
  const right = width - 46;
  const most = Math.max(1, ...rows.flatMap(({ counted, measured }) => [counted, measured]));
  const scale = linear(0, most, left, right, narrow ? 4 : 6);
  const height = top + rows.length * (rowHeight + (narrow ? 16 : 0)) + 24;
  const foot = height - 22;
  const step = rowHeight + (narrow ? 16 : 0);
  const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  const grid = scale.ticks.flatMap((tick) => [
    line(scale.at(tick), top - 4, scale.at(tick), foot, tick === 1 ? "var(--muted)" : "var(--grid)"),
    label(scale.at(tick), foot + 12, percent(tick), { anchor: tick === 0 && narrow ? "start" : "middle" }),
  ]);
  const drawn = rows.flatMap(({ name, counted, measured, floor }, i) => {
    const y = top + i * step + (narrow ? 22 : 6);
    const end = (share: number): number => scale.at(share);
    return [
      label(narrow ? 0 : left - 12, narrow ? y - 10 : y + 16, name, {
        anchor: narrow ? "start" : "end",
        colour: "var(--ink)",
        size: 13,
      }),
      bar(left, y, end(counted) - left, 13, "var(--counted)", `${name}, ${countedName}: ${percent(counted)}`),
      bar(left, y + 17, end(measured) - left, 13, "var(--measured)", `${name}, ${measuredName}: ${percent(measured)}`),
      label(end(counted) + 6, y + 6.5, percent(counted)),
      label(end(measured) + 6, y + 23.5, percent(measured), { colour: "var(--ink)", weight: 600 }),
      floor === undefined
        ? ""
        : element("path", { d: `M${end(floor).toFixed(1)} ${y + 15}v17`, stroke: "var(--ink)", "stroke-width": 2 }),
    ];
  });
  const names: readonly (readonly [string, string])[] = [
    [countedName, "var(--counted)"],
    [measuredName, "var(--measured)"],
  ];
  const floors = rows.some(({ floor }) => floor !== undefined);
  const words = rows.map(
    ({ name, counted, measured }) => `${name}: ${percent(counted)} counted, ${percent(measured)} measured`,
  );
  return picture(
    width,
    height,
    title,
    words.join("; "),
    ...grid,
    ...drawn,
    ...names.flatMap(([name, colour], i) => [
      bar(i * 106, 4, 10, 10, colour),
      label(i * 106 + 15, 9, name, { colour: "var(--ink)" }),
    ]),
    ...(floors ? [line(214, 3, 214, 15, "var(--ink)", 2), label(221, 9, floorName, { colour: "var(--ink)" })] : []),
  );
}
