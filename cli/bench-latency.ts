/** `taperbert bench latency`: milliseconds, and where they went: the ablation, tails, throughput and cold starts, on this machine. */
import type { AblationRow } from "../bench/ablation.ts";
import { describeFingerprint } from "../bench/fingerprint.ts";
import { type LatencyOptions, type LatencyReport, measureLatency } from "../bench/latency.ts";
import type { OfflineRow } from "../bench/offline.ts";
import type { PeerRow } from "../bench/peer-rows.ts";
import { samplesBeyond } from "../bench/statistics.ts";
import { threadsOn } from "../bert/choose-backend.ts";
import { benchFlags, checkBenchFlags } from "./bench-flags.ts";
import { defaultRows, subjectOf } from "./bench-subject.ts";
import { bundledModel, packageRoot } from "./bundled-model.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { loadOptions } from "./model-flags.ts";
import { digits, percent, table, times } from "./table.ts";

export const latencyFlags = {
  runs: { type: "string", value: "R", help: "rounds over the texts; default 5" },
  seconds: { type: "string", value: "S", help: "stop timing the stream after so long; default 30" },
  "cold-starts": { type: "string", value: "N", help: "fresh processes to start; default 3, 0 for none" },
  peers: { type: "boolean", help: "also time other libraries (npm --prefix bench/peers ci), on up to 50 texts" },
} as const satisfies Flags;

const flags = { ...benchFlags, ...latencyFlags, ...commonFlags } as const satisfies Flags;

const examples = [
  "taperbert bench latency --model DIR --data dev.tsv --limit 100",
  "taperbert bench latency --shape base --tokens 128 --predictor-width 64 --exit-heads",
  "taperbert bench latency --shape base --tokens 128 --skim-schedule 0.9,0.8,0.7,0.6,0.5 --json",
];

const about = `Single stream: one text at a time, from characters to logits, tokenisation included and split out; all rows of the table interleaved,
text by text, in an order that rotates. The first ${defaultRows} rows of --data unless --limit says otherwise. Quantiles are quoted where
${samplesBeyond} queries or more lie beyond them (p90 from 100, p95 from 200, p99 from 1000). "fewer" and "faster": dense on the real length ÷ this,
in products and in milliseconds (ids to logits); "realised" is faster ÷ fewer. "roof" is what a machine without overheads would
take: Σ max(MACs ÷ peak, bytes ÷ bandwidth), both measured here. "padded" lengthens each text to the longest of its batch of 32.
"worst case" pays for every predictor and exit head and gains nothing. Intervals: bootstrap over texts, 95 %. --shape has random
weights: it narrows only as --skim-schedule says, by replaying that, and answers nothing of value.`;

export function latencyOptions(values: Values<typeof latencyFlags & typeof benchFlags>, io: Io): LatencyOptions {
  const { backend, threads } = loadOptions(values);
  return {
    runs: numberOf(values.runs, "runs", { least: 1, whole: true }) ?? 5,
    seconds: numberOf(values.seconds, "seconds", { least: 0.01 }) ?? 30,
    coldStarts: numberOf(values["cold-starts"], "cold-starts", { least: 0, whole: true }) ?? 3,
    batches: [1, 2, 4, 8, 16, 32],
    threads: threadsOn(backend ?? "auto", threads),
    packageRoot: packageRoot(),
    vocabulary: values.model ?? values.tokenizer ?? bundledModel(),
    peers: values.peers ?? false,
    backend,
    progress: (line) => io.progress(line),
  };
}

export async function benchLatency(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench latency", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  checkBenchFlags("bench latency", values);
  const options = latencyOptions(values, io);
  const { report } = await measureLatency(await subjectOf("bench latency", values), options);
  if (values.json) printJson(io, report);
  else for (const line of latencyInWords(report)) io.out(line);
  return 0;
}

export function latencyInWords(report: LatencyReport): string[] {
  const { model, texts, timedTexts, tokens, ablation, note, tokenised } = report;
  const { queries } = ablation[0].latency;
  return [
    ...describeFingerprint(report.fingerprint),
    "",
    `${model}: ${texts} text${texts === 1 ? "" : "s"}, ${tokens} tokens; ${queries} queries each way${timedTexts < texts ? `; time reached ${timedTexts} texts` : ""}`,
    ...(note === undefined ? [] : [`${note}; only the milliseconds mean anything`]),
    "",
    ...ablationTable(ablation),
    "",
    `single stream, ms per text${tokenised ? ", tokenisation included" : " from ids: nothing to tokenise"}; quantiles that the queries do not support are left out`,
    ...tailTable(ablation),
    "",
    ...(report.offline.length > 0 ? ["offline, without tokenisation", ...offlineTable(report.offline), ""] : []),
    ...coldTable(report),
    "",
    "other libraries, one thread, ids to logits; ÷ above 1: ours is the faster",
    ...peerTable(report.peers),
  ];
}

const optional = (value: number | undefined, show: (value: number) => string): string =>
  value === undefined ? "–" : show(value);

function ablationTable(rows: readonly AblationRow[]): string[] {
  const heading = [
    "",
    "accuracy",
    "as dense",
    "ECE",
    "GFLOPs",
    "fewer",
    "p50 ms",
    "faster",
    "95 %",
    "realised",
    "roof ms",
  ];
  return table([
    heading,
    ...rows.map(({ title, latency, ...row }) => [
      title,
      optional(row.accuracy, percent),
      optional(row.agreement, percent),
      optional(row.calibrationError, percent),
      digits(row.gflops),
      times(row.counted),
      digits(latency.ms.p50),
      times(row.realised),
      `${latency.speedupInterval.low.toFixed(2)} … ${latency.speedupInterval.high.toFixed(2)}`,
      row.realisedFraction.toFixed(2),
      optional(row.roofMs, digits),
    ]),
  ]);
}

function tailTable(rows: readonly AblationRow[]): string[] {
  const heading = ["", "p50", "p90", "p95", "p99", "mean", "95 %", "tokenise", "ids to logits"];
  return table([
    heading,
    ...rows.map(({ title, latency: { ms, mean, meanInterval, tokeniseMs, forwardMs } }) => [
      title,
      ...[ms.p50, ms.p90, ms.p95, ms.p99].map((quantile) => optional(quantile, digits)),
      digits(mean),
      `${digits(meanInterval.low)} … ${digits(meanInterval.high)}`,
      digits(tokeniseMs),
      digits(forwardMs),
    ]),
  ]);
}

function offlineTable(rows: readonly OfflineRow[]): string[] {
  return table([
    ["", "batch", "texts/s", "tokens/s"],
    ...rows.map(({ way, batch, textsPerSecond, tokensPerSecond }) => [
      way,
      String(batch),
      digits(textsPerSecond),
      digits(tokensPerSecond),
    ]),
  ]);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

function coldTable({ coldStart, loadMs, peakBytes }: LatencyReport): string[] {
  const here = [
    ["this process: load", `${digits(loadMs)} ms`],
    ["this process: peak memory", mebibytes(peakBytes)],
  ];
  if (coldStart === undefined) return table(here);
  if ("absent" in coldStart) return [`cold start: not measured: ${coldStart.absent}`, ...table(here)];
  const { processes, coldMs, importMs, loadMs: load, firstMs, steadyMs } = coldStart;
  return table([
    [`cold start, median of ${processes} processes`, `${digits(coldMs)} ms`],
    ["  import", `${digits(importMs)} ms`],
    ["  load", `${digits(load)} ms`],
    ["  first text", `${digits(firstMs)} ms`],
    ["  the same text, steady", `${digits(steadyMs)} ms`],
    ["  peak memory", mebibytes(coldStart.peakBytes)],
    ...here,
  ]);
}

function peerTable(rows: readonly PeerRow[]): string[] {
  const timed = rows.filter(({ absent }) => absent === undefined);
  const heading = ["", "p50 ms", "÷ ours, dense", "÷ ours, narrowed", "logits differ by"];
  const body = timed.map(({ name, ms, againstDense, againstNarrowed, difference }) => [
    name,
    optional(ms, digits),
    optional(againstDense, times),
    optional(againstNarrowed, times),
    optional(difference, (value) => value.toExponential(1)),
  ]);
  const missing = rows.filter(({ absent }) => absent !== undefined).map(({ name, absent }) => `${name}: ${absent}`);
  return [...(timed.length > 0 ? table([heading, ...body]) : []), ...missing];
}
