/** How texts narrow: all of them together, and a few to look at. */
import { depthColour, funnelChart, wordsPyramid } from "../charts/funnel.ts";
import type { Example, ReportData } from "./data.ts";
import { percent } from "./format.ts";
import { escapeHtml, figure, half, responsive, section } from "./html.ts";

export function narrowingSection({ alive, examples, latency }: ReportData): string {
  const narrows = alive.some((layer) => layer.alive < 1);
  if (!narrows) return "";
  const chart = (width: number): string =>
    funnelChart(alive, { width, title: "Tokens that enter each layer, and texts answered after it" });
  const basis = latency.note === undefined ? "as the model decides" : "as the schedule says";
  return section(
    "How texts narrow",
    `Tokens leave before layers, whole texts leave when they are answered; ${basis}.`,
    figure(`All ${latency.texts} texts together: tokens that enter a layer, of all tokens.`, responsive(chart)),
    ...examples.map(drawExample),
  );
}

function drawExample(example: Example): string {
  const { words, exitLayer, layers, label, score } = example;
  const text = words
    .map(({ text: word, spaced, layers: reached }) => {
      const space = spaced ? " " : "";
      return `${space}<span style="background:${shade(reached, layers)}" title="${reached} of ${layers} layers">${escapeHtml(word)}</span>`;
    })
    .join("");
  const end =
    exitLayer < layers ? `sure after layer ${exitLayer} of ${layers}` : `answered by the last layer, ${layers}`;
  const reached = words.map((word) => word.layers);
  const picture = (width: number): string =>
    wordsPyramid({ words: reached, layers, exitLayer }, { width, title: "Words alive by layer" });
  return `<div class="example"><div><p class="verdict">${escapeHtml(label)}, ${percent(score)} · ${escapeHtml(end)}</p><p class="words">${text}</p></div><div>${responsive(picture, half)}</div></div>`;
}

/** Paler than a picture's cells: there is ink on it. */
function shade(reached: number, layers: number): string {
  return reached === 0 ? "transparent" : `color-mix(in oklab, ${depthColour(reached, layers)} 38%, transparent)`;
}
