/** `taperbert bench report`: everything that the benches know of one model on one file, as a page to read and to send on. */
import { readFile } from "node:fs/promises";
import { type ReportData, reportOf } from "../bench/report/data.ts";
import { reportPage } from "../bench/report/page.ts";
import { show, TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { benchFlags, checkBenchFlags } from "./bench-flags.ts";
import { latencyFlags, latencyOptions } from "./bench-latency.ts";
import { subjectOf } from "./bench-subject.ts";
import { commonFlags, type Flags, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";

const flags = {
  ...benchFlags,
  ...latencyFlags,
  out: { type: "string", value: "FILE", help: "the page; default report.html" },
  from: { type: "string", value: "FILE", help: "draw again what --json printed, measuring nothing" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench report --model DIR --data dev.tsv",
  "taperbert bench report --model DIR --data dev.tsv --limit 500 --peers --out report.html",
  "taperbert bench report --model DIR --data dev.tsv --json > report.json && taperbert bench report --from report.json",
];

const about = `One self-contained page: the ablation, accuracy against GFLOPs and milliseconds over many dials, how texts narrow, latency, where
the operations are, and other libraries. With --json prints the data of the page instead of writing it. Takes a minute or two.`;

export async function benchReport(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench report", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  let data: ReportData;
  if (values.from !== undefined) {
    data = parseReportData(await readJson(values.from), values.from);
  } else {
    checkBenchFlags("bench report", values);
    data = await reportOf(await subjectOf("bench report", values), latencyOptions(values, io));
  }
  if (values.json) {
    printJson(io, data);
    return 0;
  }
  const file = values.out ?? "report.html";
  await writeFileAtomically(file, reportPage(data));
  io.out(file);
  return 0;
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new TaperError("ERR_FILE", `${file}: expected a file with one JSON object; ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

function parseReportData(json: unknown, file: string): ReportData {
  const data = json as Partial<ReportData> | null;
  if (data?.kind === "report" && data.latency?.kind === "latency" && Array.isArray(data.sweep))
    return data as ReportData;
  throw new TaperError(
    "ERR_DATA",
    `${file}: expected what taperbert bench report --json prints ("kind": "report"); found ${show(json)}.`,
  );
}
