/**
 * A trace as a picture: a line a layer, with the words that are still alive and dots where words have left. `pyramidOf` says what
 * there is to see, `drawPyramid` sets it in lines of text; pages with other ideas of a picture start from the first.
 */

import { displayWidth, printable } from "./display-width.ts";
import type { Text } from "./model.ts";
import type { Encoding } from "./tokenizer/tokenizer.ts";
import { stepBefore, type Trace } from "./trace.ts";

export interface PyramidWord {
  /** Which of a pair's texts it is in: 0 or 1. */
  readonly part: number;
  /** UTF-16 indices into that text. */
  readonly start: number;
  readonly end: number;
  /** As the text has it, without characters that a terminal would obey. */
  readonly text: string;
  /** True if white space stood before it. */
  readonly spaced: boolean;
  /** The number of layers that attended to it, to the last of its pieces. */
  readonly layers: number;
}

export interface Pyramid {
  readonly words: readonly PyramidWord[];
  /** Rows attended to, by layer, special tokens included; the layers after the exit are not here. */
  readonly rows: readonly number[];
  /** The layer that answered, counted from 1, of how many there are. */
  readonly exitLayer: number;
  readonly layers: number;
}

export interface DrawOptions {
  /** Columns to draw in, at least 44. Default 80. */
  readonly width?: number | undefined;
  /** Sets off what has left, for example in grey. Default: as it is. */
  readonly dim?: ((dots: string) => string) | undefined;
}

/** What happened to each word of a text; pieces of a word ("##") are joined again by their offsets. */
export function pyramidOf(
  text: Text,
  encoding: Pick<Encoding, "tokens" | "offsets" | "segments">,
  trace: Trace,
): Pyramid {
  const layers = trace.attended.length;
  const parts = typeof text === "string" ? [text] : text;
  const words: PyramidWord[] = [];
  let before: { end: number; segment: number } | undefined;
  for (const [i, [start, end]] of encoding.offsets.entries()) {
    if (start === end) continue;
    const segment = encoding.segments[i];
    const source = parts[segment];
    const gap = before?.segment === segment ? source.slice(before.end, start) : " ";
    const piece = { part: segment, start, end, text: printable(source.slice(start, end)), layers: layersOf(trace, i) };
    const last = words[words.length - 1];
    if (encoding.tokens[i].startsWith("##") && last !== undefined && gap === "") {
      words[words.length - 1] = {
        ...last,
        end,
        text: last.text + piece.text,
        layers: Math.max(last.layers, piece.layers),
      };
    } else {
      words.push({ ...piece, spaced: words.length > 0 && /\s/.test(gap) });
    }
    before = { end, segment };
  }
  return { words, rows: trace.attended.slice(0, trace.exitLayer), exitLayer: trace.exitLayer, layers };
}

/** In how many layers attention met token i. */
function layersOf({ leftAt, exitLayer }: Trace, i: number): number {
  let layers = 0;
  while (layers < exitLayer && leftAt[i] > stepBefore(layers)) layers++;
  return layers;
}

/** Lines of at most `width` columns: a heading, the layers, and where the text was answered. A long text takes several lines a layer. */
export function drawPyramid({ words, rows, exitLayer, layers }: Pyramid, options: DrawOptions = {}): string[] {
  const { width = 80, dim = (dots) => dots } = options;
  const margin = 13;
  const wrapped = wrap(words, Math.max(44, width) - margin);
  const lines = ["layer  rows"];
  for (const [l, count] of rows.entries()) {
    for (const [i, line] of wrapped.entries()) {
      const label = i === 0 ? `${String(l + 1).padStart(5)}  ${String(count).padStart(4)}  ` : " ".repeat(margin);
      lines.push((label + line.map((word) => drawWord(word, l, dim)).join("")).trimEnd());
    }
  }
  const end =
    exitLayer < layers ? `sure after layer ${exitLayer} of ${layers}` : `answered by the last layer, ${layers}`;
  lines.push(`${" ".repeat(margin)}${end}`);
  return lines;
}

function drawWord({ text, spaced, layers }: PyramidWord, l: number, dim: (dots: string) => string): string {
  return (spaced ? " " : "") + (layers > l ? text : dim("·".repeat(displayWidth(text))));
}

/** Words in lines; one that is wider than a line is cut into lines of its own. */
function wrap(words: readonly PyramidWord[], width: number): PyramidWord[][] {
  const lines: PyramidWord[][] = [[]];
  let used = 0;
  for (const word of words) {
    for (const [i, text] of cut(word.text, width).entries()) {
      const spaced = word.spaced && used > 0;
      const needed = displayWidth(text) + (spaced ? 1 : 0);
      const breaks = used > 0 && (i > 0 || used + needed > width);
      if (breaks) lines.push([]);
      lines[lines.length - 1].push({ ...word, text, spaced: spaced && !breaks });
      used = breaks ? displayWidth(text) : used + needed;
    }
  }
  return lines;
}

function cut(text: string, width: number): string[] {
  const pieces: string[] = [""];
  let used = 0;
  for (const character of text) {
    const needed = displayWidth(character);
    const breaks = used > 0 && used + needed > width;
    if (breaks) pieces.push(character);
    else pieces[pieces.length - 1] += character;
    used = breaks ? needed : used + needed;
  }
  return pieces;
}
