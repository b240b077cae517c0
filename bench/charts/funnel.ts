/** What is left of texts, layer by layer, centred: a funnel of shares, or of one text's words. */
import { bar, label, line, picture } from "./svg.ts";

export interface FunnelLayer {
  /** Of all tokens, 0 … 1: how many entered this layer. */
  readonly alive: number;
  /** Texts that were answered after it. */
  readonly answered: number;
}

export interface FunnelOptions {
  readonly width: number;
  readonly title: string;
}

const rowHeight = 22;
const top = 26;

/** Shares of all texts together. */
export function funnelChart(layers: readonly FunnelLayer[], { width, title }: FunnelOptions): string {
  const left = 44;
  const right = width - 128;
  const middle = (left + right) / 2;
  const most = Math.max(1, ...layers.map(({ answered }) => answered));
  const height = top + layers.length * rowHeight + 8;
  const rows = layers.flatMap(({ alive, answered }, l) => {
    const y = top + l * rowHeight;
    const span = alive * (right - left);
    const share = `${(100 * alive).toFixed(alive < 0.1 ? 1 : 0)} %`;
    return [
      label(left - 14, y + rowHeight / 2, String(l + 1), { anchor: "end" }),
      bar(middle - span / 2, y + 2, span, rowHeight - 4, "var(--both)", `layer ${l + 1}: ${share} of the tokens`),
      label(right + 12, y + rowHeight / 2, share, { colour: "var(--ink)" }),
      bar(
        right + 62,
        y + 6,
        (answered / most) * 30,
        rowHeight - 12,
        "var(--exit)",
        `answered after layer ${l + 1}: ${answered} texts`,
      ),
      label(width, y + rowHeight / 2, String(answered), { anchor: "end" }),
    ];
  });
  const words = layers.map(
    ({ alive, answered }, l) => `layer ${l + 1}: ${(100 * alive).toFixed(1)} %, ${answered} answered`,
  );
  return picture(
    width,
    height,
    title,
    words.join("; "),
    label(left - 14, 10, "layer", { anchor: "end" }),
    label(middle, 10, "tokens that enter it", { anchor: "middle" }),
    label(width, 10, "answered", { anchor: "end" }),
    line(middle, top - 4, middle, height - 6),
    ...rows,
  );
}

export interface WordsPyramid {
  /** The layers that each word entered, in the order of the text. */
  readonly words: readonly number[];
  /** Layers of the model. */
  readonly layers: number;
  /** The layer that answered, counted from 1. */
  readonly exitLayer: number;
}

/** One text: a square for each word that entered a layer, centred; layers after the answer did not run and are not drawn. */
export function wordsPyramid({ words, layers, exitLayer }: WordsPyramid, { width, title }: FunnelOptions): string {
  const left = 30;
  const right = width - 34;
  const pitch = Math.min(16, (right - left) / Math.max(1, words.length));
  const middle = (left + right) / 2;
  const entered = Array.from({ length: exitLayer }, (_, l) => words.filter((reached) => reached > l));
  const rows = entered.map((alive, l) => {
    const y = 3 + l * 16;
    const start = middle - (alive.length * pitch) / 2;
    const cells = alive.map((reached, i) => {
      return bar(start + i * pitch, y + 1, Math.max(1, pitch - 2), 13, depthColour(reached, layers));
    });
    const numbers = label(18, y + 7.5, String(l + 1), { anchor: "end", size: 11 });
    return numbers + cells.join("") + label(width, y + 7.5, String(alive.length), { anchor: "end", size: 11 });
  });
  const rest = exitLayer < layers ? `layers ${exitLayer + 1} to ${layers} did not run` : "";
  const height = exitLayer * 16 + (rest === "" ? 6 : 26);
  const summary = `words that entered each layer: ${entered.map((alive) => alive.length).join(", ")}`;
  return picture(
    width,
    height,
    title,
    summary,
    ...rows,
    label(middle, height - 10, rest, { anchor: "middle", size: 11 }),
  );
}

/** Deeper words are stronger. */
export function depthColour(reached: number, layers: number): string {
  const share = Math.round(22 + 78 * (layers > 1 ? Math.max(0, reached - 1) / (layers - 1) : 1));
  return `color-mix(in oklab, var(--both) ${share}%, var(--page))`;
}
