/**
 * The pyramid of one text as SVG: a row for each layer, a column for each word. A word fades where it leaves; the layers after the
 * answer are an empty field. Where there is no room for words there are cells as wide as they are. Pure: numbers in, markup out.
 */
import { depthColour } from "../../bench/charts/funnel.ts";
import { bar, element, escapeXml, label } from "../../bench/charts/svg.ts";
import type { Explanation } from "../../index.ts";

export interface PictureOptions {
  readonly width: number;
  /** Pixels that a text takes in a font of 1 px. */
  readonly measure: (text: string) => number;
}

export interface Picture {
  readonly svg: string;
  /** False if the words did not fit and are cells. */
  readonly legible: boolean;
}

interface Column {
  readonly text: string;
  readonly layers: number;
  readonly x: number;
  readonly width: number;
}

type Shown = Pick<Explanation, "words" | "rowsPerLayer" | "exitLayer" | "layers" | "label">;

const [left, right, top] = [34, 36, 26];
const padding = 5;
const [largest, smallest] = [17, 10.5];

export function pyramidPicture(shown: Shown, { width, measure }: PictureOptions): Picture {
  const { words, rowsPerLayer, exitLayer, layers } = shown;
  const room = width - left - right;
  const gaps = words.map(({ start, part }, i) => {
    if (i === 0) return 0;
    return start > words[i - 1].end || part !== words[i - 1].part ? 3 : 1;
  });
  const lengths = words.map(({ text }) => Math.max(0.6, measure(text)));
  const fixed = sum(gaps) + 2 * padding * words.length;
  const size = Math.min(largest, (room - fixed) / sum(lengths));
  const legible = size >= smallest;
  const widths = legible
    ? lengths.map((length) => length * size + 2 * padding)
    : lengths.map((length) => (length / sum(lengths)) * Math.max(room / 2, room - sum(gaps)));
  const columns: Column[] = [];
  let x = left + Math.max(0, (room - sum(widths) - sum(gaps)) / 2);
  for (const [i, { text, layers: reached }] of words.entries()) {
    x += gaps[i];
    columns.push({ text, layers: reached, x, width: widths[i] });
    x += widths[i];
  }

  const pitch = legible ? 30 : 20;
  const middle = (l: number): number => top + (l + 0.5) * pitch;
  const rows = rowsPerLayer.map((count, l) => {
    const cells = columns.map((column) => cell(column, l, layers, middle(l), pitch, legible ? size : 0));
    return (
      label(18, middle(l), String(l + 1), { anchor: "end" }) +
      cells.join("") +
      label(width - 1, middle(l), String(count), { anchor: "end", colour: "var(--ink)" })
    );
  });
  const height = top + layers * pitch + 6;
  const heads = [label(0, 10, "layer", { size: 11.5 }), label(width - 1, 10, "tokens", { anchor: "end", size: 11.5 })];
  const attributes = {
    viewBox: `0 0 ${Math.round(width)} ${height}`,
    width: Math.round(width),
    height,
    role: "img",
    "aria-label": describe(shown),
    xmlns: "http://www.w3.org/2000/svg",
  };
  const rest = exitLayer < layers ? unused(exitLayer, layers, width, middle, pitch) : "";
  return { svg: element("svg", attributes, ...heads, ...rows, rest), legible };
}

/** `size` 0: a cell without its word. */
function cell(
  { text, layers: reached, x, width }: Column,
  l: number,
  layers: number,
  y: number,
  pitch: number,
  size: number,
): string {
  const centre = x + width / 2;
  if (reached > l) {
    // Under words the colours stay pale: there is ink on them.
    const share = Math.round(13 + 17 * (l / Math.max(1, layers - 1)));
    const colour = size > 0 ? `color-mix(in oklab, var(--both) ${share}%, var(--panel))` : depthColour(l + 1, layers);
    const ground = bar(x, y - pitch / 2 + 1, width, pitch - 2, colour, `${text}: read in layer ${l + 1}`);
    return size > 0 ? ground + word(text, centre, y, size, "alive") : ground;
  }
  if (reached === l && size > 0) return word(text, centre, y, size, "leaving");
  return element("circle", { cx: centre, cy: y, r: 1.2, class: "gone" });
}

function word(text: string, x: number, y: number, size: number, kind: string): string {
  const attributes = { x, y: y + 0.34 * size, "text-anchor": "middle", "font-size": size, class: kind };
  return element("text", attributes, escapeXml(text));
}

/** The layers that did not have to run. */
function unused(
  exitLayer: number,
  layers: number,
  width: number,
  middle: (l: number) => number,
  pitch: number,
): string {
  const y = middle(exitLayer) - pitch / 2 + 3;
  const height = (layers - exitLayer) * pitch - 4;
  const field = { x: left + 0.5, y: y + 0.5, width: width - left - right - 1, height, rx: 8, class: "unused" };
  const count = layers - exitLayer;
  const lines =
    count === 1
      ? [`Sure after layer ${exitLayer}: layer ${layers} does not run.`]
      : [`Sure after layer ${exitLayer}.`, `Layers ${exitLayer + 1} to ${layers} do not run.`];
  const centre = (left + width - right) / 2;
  const said = lines.map((text, i) =>
    label(centre, y + height / 2 + (i - (lines.length - 1) / 2) * 22, text, {
      anchor: "middle",
      size: i === 0 ? 15 : 13,
      weight: i === 0 ? 600 : 400,
      colour: i === 0 ? "var(--exit-ink)" : "var(--muted)",
    }),
  );
  return element("rect", field) + said.join("");
}

/** The same in words, for those who do not see it: what is left wherever that changes, and where it ends. */
function describe({ words, exitLayer, layers, label: answer }: Shown): string {
  const alive = (l: number) => words.filter((word) => word.layers > l).map(({ text }) => text);
  const steps: string[] = [];
  for (let l = 0; l < exitLayer; l++) {
    const now = alive(l);
    if (l > 0 && now.length === alive(l - 1).length) continue;
    const which =
      now.length === words.length
        ? "all words"
        : now.length === 0
          ? "no word, only the mark of the text"
          : now.join(" ");
    steps.push(`from layer ${l + 1}: ${which}`);
  }
  const end =
    exitLayer < layers ? `sure after layer ${exitLayer} of ${layers}` : `answered by the last layer, ${layers}`;
  return `Words that are still read. ${steps.join("; ")}; ${end}: ${answer}.`;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
