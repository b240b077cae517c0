/** `taperbert bench library`: what a user of the library meets, from npm install to giving up, here and with transformers.js. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { compareLibraries, type LibraryRow } from "../bench/library/compare.ts";
import { type Installed, installSizes } from "../bench/library/install.ts";
import { figureNames } from "../bench/library/task.ts";
import { configOfShape } from "../bert/config.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { parseShape } from "./shape-flags.ts";
import { digits, table } from "./table.ts";

const flags = {
  shape: {
    type: "string",
    value: "SHAPE",
    help: "base (the default), mini, tiny, or layers,hidden,heads,feed-forward",
  },
  threads: { type: "string", value: "N", help: "threads of each; default 1" },
  runs: { type: "string", value: "R", help: "fresh processes of each; default 3" },
  only: {
    type: "string",
    value: "TEXT",
    help: "contenders whose names contain it; the first of them is the one to agree with",
  },
  "no-install": { type: "boolean", help: "leave out the install sizes, which need the npm registry" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "npm --prefix bench/peers ci",
  "taperbert bench library",
  "taperbert bench library --shape mini --no-install --json",
];

const about = `A dense BERT with random weights classifies the texts of bench/library/texts.txt, through pipeline("text-classification") of both libraries.
Every contender must read our tokens and, in float32, give our logits (to 1e-4) and labels; then fresh processes take turns, and medians over them are printed.
load: files from the operating system's cache. first: the first text. p50: one text at a time, after a pass to warm up. batch: all texts in one
call. cancel: milliseconds from giving a batch up half-way, by AbortSignal, until its promise settles; transformers.js has no way to cancel, so its calls run to
their end. peak: the most memory of the process. On wasm transformers.js runs its onnxruntime-web, offered to its Node build as the host's
runtime, since that build knows no device "wasm".`;

export async function benchLibrary(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench library", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const shape = values.shape ?? "base";
  const config = configOfShape(parseShape(shape));
  const threads = numberOf(values.threads, "threads", { least: 1, whole: true }) ?? 1;
  const runs = numberOf(values.runs, "runs", { least: 1, whole: true }) ?? 3;
  const progress = (line: string): void => io.progress(line);
  const { tokens, rows, missing } = await compareLibraries(config, { runs, threads, only: values.only, progress });
  const installed = values["no-install"] ? [] : installSizes(progress);
  progress("");
  const where = await environment();
  if (values.json) {
    printJson(io, { shape, threads, runs, tokens, rows, missing, installed, environment: where });
    return 0;
  }
  io.out(`${shape}, random weights, ${threads} thread(s); ${tokens.length} texts of ${tokens.join(", ")} tokens`);
  io.out(`milliseconds and MB, medians of ${runs} fresh processes, in turn`);
  for (const line of inWords(rows, tokens.length)) io.out(line);
  for (const { name, absent } of missing) io.out(`${name}: ${absent}`);
  for (const one of installed) io.out(`npm install ${inOneLine(one)}`);
  io.err(describeEnvironment(where));
  return 0;
}

function inWords(rows: readonly LibraryRow[], texts: number): string[] {
  const heading = [
    "",
    "import",
    "load",
    "first",
    "p50",
    "batch",
    "cancel",
    "peak MB",
    "logits differ by",
    "same labels",
  ];
  const body = rows.map(({ name, figures, difference, sameLabels }, r) => [
    name,
    ...figureNames.map((figure) => {
      const { median } = figures[figure];
      return figure === "peakBytes" ? (median / 1e6).toFixed(0) : digits(median);
    }),
    r === 0 ? "" : difference.toExponential(1),
    `${sameLabels} of ${texts}`,
  ]);
  return table([heading, ...body]);
}

function inOneLine({ name, bytes, packages, absent }: Installed): string {
  if (bytes === undefined) return `${name}: ${absent}`;
  return `${name}: ${(bytes / 1e6).toFixed(1)} MB, ${packages} package${packages === 1 ? "" : "s"}`;
}
