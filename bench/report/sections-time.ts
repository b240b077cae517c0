/** Milliseconds in full, where the operations are, and other libraries. */
import type { Work } from "../breakdown.ts";
import { type Ridge, ridgesChart } from "../charts/ridges.ts";
import { encoderParts, type PartName, partNames, partTitles } from "../operations.ts";
import type { ReportData } from "./data.ts";
import { digits, mebibytes, times } from "./format.ts";
import { details, figure, type Row, responsive, section, table } from "./html.ts";

const colours: Readonly<Record<string, string>> = {
  skim: "var(--skim)",
  scheduled: "var(--skim)",
  exit: "var(--exit)",
  both: "var(--both)",
  worst: "var(--worst)",
};

export function latencySection({ latency }: ReportData): string {
  const { ablation, tokenised } = latency;
  const ridges = ablation.map(({ name, title, latency: { textMs } }): Ridge => {
    return { name: title, colour: colours[name] ?? "var(--dense)", samples: textMs };
  });
  const chart = (width: number): string =>
    ridgesChart(ridges, { width, title: "Milliseconds per text", x: "ms per text, ids to logits (logarithmic)" });
  const quantiles = ["p50", "p90", "p95", "p99"] as const;
  const quoted = quantiles.filter((name) => ablation.some((row) => row.latency.ms[name] !== undefined));
  const rows = ablation.map(({ title, latency: of }): Row => {
    const tails = quoted.map((name) => digits(of.ms[name]));
    const interval = `${digits(of.meanInterval.low)} … ${digits(of.meanInterval.high)}`;
    return { cells: [title, ...tails, digits(of.mean), interval, digits(of.tokeniseMs), digits(of.forwardMs)] };
  });
  const headings = ["ms per text", ...quoted, "mean", "95 %", "tokenise", "ids to logits"];
  return section(
    "Latency",
    `Single stream: one text at a time${tokenised ? ", from characters to logits" : " from ids; there was nothing to tokenise"}; ${ablation[0].latency.queries} queries each way. Quantiles with fewer than ten queries beyond them are not quoted.`,
    figure("Each text’s median over its rounds. The line is the median text.", responsive(chart)),
    table(headings, rows),
    `<div class="pair">${offlineTable({ latency })}${startTable({ latency })}</div>`,
  );
}

type OfLatency = Pick<ReportData, "latency">;

function offlineTable({ latency: { offline } }: OfLatency): string {
  if (offline.length === 0) return "";
  const batches = [...new Set(offline.map(({ batch }) => batch))];
  const ways = [...new Set(offline.map(({ way }) => way))];
  const rows = batches.map((batch): Row => {
    const cells = ways.flatMap((way) => {
      const row = offline.find((one) => one.way === way && one.batch === batch);
      return [digits(row?.textsPerSecond), digits(row?.tokensPerSecond)];
    });
    return { cells: [`batch of ${batch}`, ...cells] };
  });
  const headings = ways.flatMap((way) => [`${way}, texts/s`, "tokens/s"]);
  return `<div>${table(["offline, ragged batches", ...headings], rows)}</div>`;
}

function startTable({ latency: { coldStart, loadMs, peakBytes } }: OfLatency): string {
  const here: Row[] = [
    { cells: ["benchmark process: load", `${digits(loadMs)} ms`], quiet: true },
    { cells: ["benchmark process: peak memory", mebibytes(peakBytes)], quiet: true },
  ];
  if (coldStart === undefined || "absent" in coldStart) {
    const why = coldStart === undefined ? "not asked for" : "not measured";
    return `<div>${table(["cold start", ""], [{ cells: ["fresh process", why] }, ...here])}</div>`;
  }
  const rows: Row[] = [
    { cells: [`process start to first answer`, `${digits(coldStart.coldMs)} ms`], strong: true },
    { cells: ["of it: import", `${digits(coldStart.importMs)} ms`] },
    { cells: ["of it: load the model", `${digits(coldStart.loadMs)} ms`] },
    { cells: ["of it: first text", `${digits(coldStart.firstMs)} ms`] },
    { cells: ["the same text, steady", `${digits(coldStart.steadyMs)} ms`] },
    { cells: ["peak memory", mebibytes(coldStart.peakBytes)] },
  ];
  return `<div>${table([`cold start, median of ${coldStart.processes}`, ""], [...rows, ...here])}</div>`;
}

export function workSection({ breakdown }: ReportData): string {
  const { parts, encoder, total, layers, tokens } = breakdown;
  const headings = ["GFLOPs in all", "executed", "dense", "dense, padded", "fewer", "padded ÷", "element-wise, 10⁹"];
  const cellsOf = ({ executed, dense, padded, elements }: Work): string[] => {
    const ratio = (base: number): string => (executed > 0 && base > 0 ? times(base / executed) : "–");
    return [
      ...[executed, dense, padded].map((macs) => digits((2 * macs) / 1e9)),
      ratio(dense),
      ratio(padded),
      digits(elements / 1e9),
    ];
  };
  const rowOf = (name: PartName): Row => ({ cells: [partTitles[name], ...cellsOf(parts[name])] });
  const outside = partNames.filter((name) => name !== "embeddings" && !encoderParts.includes(name));
  const rows: Row[] = [
    rowOf("embeddings"),
    ...encoderParts.map(rowOf),
    { cells: ["encoder", ...cellsOf(encoder)], strong: true },
    ...outside.map(rowOf),
    { cells: ["total", ...cellsOf(total)], strong: true },
  ];
  const byLayer = layers.map((layer): Row => {
    const share = `${((100 * layer.attended) / tokens).toFixed(1)} %`;
    return { cells: [`layer ${layer.layer}`, share, String(layer.answered), ...cellsOf(layer)] };
  });
  return section(
    "Where the operations are",
    "Sums over all texts with the dials that save most; by formula from what each text met, which tests hold equal to what the kernels count as they run.",
    table(headings, rows),
    details("By layer", table(["", "tokens", "answered", ...headings.slice(1)], byLayer)),
  );
}

export function peersSection({ latency: { peers } }: OfLatency): string {
  const ratio = (value: number | undefined): string => (value === undefined ? "–" : times(value));
  const rows = peers.map(({ name, ms, againstDense, againstNarrowed, difference, absent }): Row => {
    if (absent !== undefined) return { cells: [`${name}: ${absent}`, "–", "–", "–", "–"], quiet: true };
    const logits = difference === undefined ? "–" : difference.toExponential(1);
    const cells = [name, digits(ms), ratio(againstDense), ratio(againstNarrowed), logits];
    return { cells, strong: name.startsWith("ours") };
  });
  const headings = ["", "p50 ms", "÷ ours, dense", "÷ ours, narrowed", "logits differ by"];
  return section(
    "Other libraries",
    "The same weights and texts, one at a time on one thread, from ids to logits (tokenisation included where a row says “from text”), taking turns; logits were compared before anything was timed. Above 1, ours is the faster.",
    table(headings, rows),
  );
}
