/**
 * A report as one self-contained page of HTML: no scripts, no fonts, no pictures from anywhere else, light and dark as the reader's system
 * has it. It sets out what data.ts holds and computes nothing of its own.
 */
import { describeFingerprint } from "../fingerprint.ts";
import type { ReportData } from "./data.ts";
import { escapeHtml } from "./html.ts";
import { ablationSection, headline, tradeOffSection } from "./sections-savings.ts";
import { narrowingSection } from "./sections-texts.ts";
import { latencySection, peersSection, workSection } from "./sections-time.ts";
import { style } from "./style.ts";

export function reportPage(data: ReportData): string {
  const { latency } = data;
  const title = `${latency.model}: what narrowing saves`;
  const [machine, ...rest] = describeFingerprint(latency.fingerprint);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="taperbert bench report">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(latency.model)}</h1>
<p class="subtitle">What conditional computation saves on ${latency.texts} texts (${latency.tokens} tokens), one at a time. ${escapeHtml(machine)}.</p>
${latency.note === undefined ? "" : `<p class="note">${escapeHtml(latency.note)}. Weights are random: only the milliseconds mean anything.</p>`}
${headline(data)}
</header>
${[ablationSection, tradeOffSection, narrowingSection, latencySection, workSection, peersSection].map((draw) => draw(data)).join("\n")}
<footer>
${rest.map((line) => `<p>${escapeHtml(line)}.</p>`).join("\n")}
<p>1 MAC = 2 FLOPs. Products only; element-wise work stands in a column of its own. Ratios are against the dense model on each text’s
real length; predictors and exit heads count as executed. All ways of running were interleaved, text by text.</p>
</footer>
</main>
</body>
</html>
`;
}
