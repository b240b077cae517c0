/** `taperbert bench compare A B`: did anything move beyond noise? Exit code 3 says that something got slower. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Comparison, compareSides, defaultPairs, leastEffect, type Side, type Verdict } from "../bench/compare.ts";
import { compareReports, leastEffectOfReports, parseReport } from "../bench/compare-reports.ts";
import { dense } from "../bench/dials.ts";
import { describeEnvironment, environment } from "../bench/environment.ts";
import { gflops } from "../bench/flops.ts";
import { builtDirectory, type ProcessWay, type Task } from "../bench/measured-process.ts";
import { randomDirectory } from "../bench/random-directory.ts";
import { randomText } from "../bench/random-model.ts";
import { readConfigs } from "../bert/load.ts";
import { TaperError } from "../engine/errors.ts";
import { bundledModel } from "./bundled-model.ts";
import { dataFlags, readRows } from "./data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { backendFlags, dialFlags, dialsOf, loadOptions } from "./model-flags.ts";
import { describe, shapeFlags } from "./shape-flags.ts";
import { digits, percent, table } from "./table.ts";

const flags = {
  ...shapeFlags,
  model: { type: "string", value: "DIR", help: "for two builds: the model; default the bundled one" },
  ...dataFlags,
  tokens: { type: "string", value: "N", help: "instead of texts: one of N random tokens" },
  ...backendFlags,
  ...dialFlags,
  pairs: { type: "string", value: "P", help: `pairs of processes; default ${defaultPairs}` },
  seconds: { type: "string", value: "S", help: "of timed rounds in all; default 20" },
  "least-effect": {
    type: "string",
    value: "PERCENT",
    help: `smallest change that counts; default ${100 * leastEffect}, between reports ${100 * leastEffectOfReports}`,
  },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench compare ../main/dist dist",
  "taperbert bench compare models/a models/b --data dev.tsv --limit 20",
  "taperbert bench compare before.json after.json",
];

const about = `A and B are two builds (a folder with index.js, or with dist/index.js), two models, or two files that bench latency --json printed.
Builds and models: pairs of fresh processes take turns round by round, over the same few texts, dense and with the dials (without --data:
four sentences). The interval is the sign test's over the pairs' median ratios; something moved if all of it lies beyond the least
effect. Files: each divided by its own run's timing loop. Exit code 3: something got slower.`;

/** Rows that are read unless --limit says otherwise: a round should take a tenth of a second, not ten. */
const defaultRows = 12;

const sentences = [
  "A gorgeous, witty, seductive movie.",
  "The story never takes off, and the jokes are as stale as last year's popcorn.",
  "It is not without flaws, but the two leads are so good that I forgave it everything.",
  "For two hours we follow a retired teacher across a frozen lake, and somehow every minute of it is a quiet joy.",
];

type CompareValues = Values<typeof flags>;
type Kind = "build" | "model" | "report";

interface Found {
  readonly kind: Kind;
  /** index.js, the model's directory, or the file. */
  readonly path: string;
}

export async function benchCompare(argv: readonly string[], io: Io): Promise<number> {
  const { values, texts: given } = parseFlags("bench compare", argv, flags, { texts: true });
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  if (given.length !== 2) {
    throw new TaperError(
      "ERR_OPTION",
      `bench compare needs two builds, models or reports, found ${given.length}; see taperbert bench compare --help.`,
    );
  }
  const [a, b] = given.map(find);
  if (a.kind !== b.kind) {
    throw new TaperError(
      "ERR_OPTION",
      `bench compare: expected two of a kind; ${given[0]} is a ${a.kind}, ${given[1]} a ${b.kind}.`,
    );
  }
  const percentage = numberOf(values["least-effect"], "least-effect", { least: 0 });
  const least = percentage === undefined ? undefined : percentage / 100;
  if (a.kind === "report") return reports(a.path, b.path, least, values, io);
  return processes([a, b], given, least, values, io);
}

function find(path: string): Found {
  const isFile = existsSync(path) && statSync(path).isFile();
  if (isFile && path.endsWith(".json")) return { kind: "report", path };
  if (existsSync(join(path, "config.json"))) return { kind: "model", path: resolve(path) };
  for (const index of ["index.js", "dist/index.js"]) {
    if (existsSync(join(path, index))) return { kind: "build", path: resolve(path, index) };
  }
  const found = !existsSync(path) ? "nothing there" : isFile ? "another file" : "a folder without any of these";
  throw new TaperError(
    "ERR_FILE",
    `${path}: expected a build (a folder with index.js or dist/index.js), a model (config.json) or a report (.json); found ${found}.`,
  );
}

async function processes(
  found: readonly Found[],
  names: readonly string[],
  least: number | undefined,
  values: CompareValues,
  io: Io,
): Promise<number> {
  if (found[0].kind === "model" && (values.model !== undefined || values.shape !== undefined)) {
    throw new TaperError("ERR_OPTION", "bench compare: --model and --shape go with two builds; two models were given.");
  }
  if (values.shape === undefined)
    return processesWith(resolve(values.model ?? bundledModel()), found, names, least, values, io);
  const { config, taper } = await describe("bench compare", values);
  const vocabulary = await readFile(join(bundledModel(), "vocab.txt"), "utf8");
  const temporary = await randomDirectory(config, taper, 1, vocabulary);
  try {
    return await processesWith(temporary.path, found, names, least, values, io);
  } finally {
    await temporary.remove();
  }
}

async function processesWith(
  model: string,
  found: readonly Found[],
  names: readonly string[],
  least: number | undefined,
  values: CompareValues,
  io: Io,
): Promise<number> {
  const build = found[0].kind === "model" ? join(builtDirectory(), "index.js") : undefined;
  // One thread unless more are asked for: a pair then shares a core, which is what makes small changes visible.
  const options = { threads: 1, ...loadOptions(values) };
  const texts = await textsOf(found[0].kind === "model" ? found[0].path : model, values);
  const ways: ProcessWay[] = [
    { name: "dense", dials: dense },
    { name: "with its dials", dials: dialsOf(values) },
  ];
  const sides = found.map(({ path }, i): Side => {
    const task: Task = { build: build ?? path, model: build === undefined ? model : path, options, texts, ways };
    return { name: names[i], task };
  });
  const comparison = await compareSides(sides[0], sides[1], {
    pairs: numberOf(values.pairs, "pairs", { least: 1, whole: true }),
    seconds: numberOf(values.seconds, "seconds", { least: 0 }),
    leastEffect: least,
    progress: (line) => io.progress(line),
  });
  io.progress("");
  const where = await environment();
  const code = exitCode(comparison.changes);
  if (values.json) {
    printJson(io, {
      kind: found[0].kind,
      a: names[0],
      b: names[1],
      regression: code === 3,
      ...comparison,
      environment: where,
    });
    return code;
  }
  for (const line of inWords(names, comparison)) io.out(line);
  io.err(describeEnvironment(where));
  return code;
}

async function textsOf(model: string, values: CompareValues): Promise<Task["texts"]> {
  const tokens = numberOf(values.tokens, "tokens", { least: 1, whole: true });
  if (tokens !== undefined) {
    const { config } = await readConfigs(model);
    if (tokens <= config.maxPositions) return [randomText(tokens, config.vocabulary, 1)];
    throw new TaperError("ERR_OPTION", `--tokens: expected at most ${config.maxPositions}, found ${tokens}.`);
  }
  if (values.data === undefined) return sentences;
  const rows = await readRows("bench compare", { ...values, limit: values.limit ?? String(defaultRows) });
  return rows.map(({ text }) => text);
}

async function reports(
  a: string,
  b: string,
  least: number | undefined,
  values: CompareValues,
  io: Io,
): Promise<number> {
  const [first, second] = [parseReport(await readJsonLine(a), a), parseReport(await readJsonLine(b), b)];
  const changes = compareReports(first, second, least);
  const code = exitCode(changes);
  const loops = [first, second].map(({ fingerprint }) => fingerprint.timingLoop);
  if (values.json) {
    printJson(io, {
      kind: "report",
      a,
      b,
      regression: code === 3,
      leastEffect: least ?? leastEffectOfReports,
      loops,
      changes,
    });
    return code;
  }
  io.out(
    `${a} (A) and ${b} (B), each by its own timing loop: ${loops.map(({ ms }) => `${digits(ms)} ms`).join(" and ")}`,
  );
  for (const line of changeTable(changes)) io.out(line);
  return code;
}

async function readJsonLine(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    throw new TaperError("ERR_DATA", `${file}: expected one JSON object; ${message}.`, { cause: error });
  }
}

const exitCode = (changes: readonly { verdict: Verdict }[]): number =>
  changes.some(({ verdict }) => verdict === "slower") ? 3 : 0;

function changeTable(changes: readonly Comparison["changes"][number][]): string[] {
  const rows = changes.map(({ what, aMs, bMs, ratio, low, high, verdict }) => [
    what,
    digits(aMs),
    digits(bMs),
    ratio.toFixed(3),
    `${low.toFixed(3)} … ${high.toFixed(3)}`,
    verdict,
  ]);
  return table([["", "A ms", "B ms", "B ÷ A", "interval", ""], ...rows]);
}

function inWords(
  names: readonly string[],
  { pairs, rounds, pinned, coverage, changes, work, leastEffect: least }: Comparison,
): string[] {
  const moved = changes.filter(({ verdict }) => verdict !== "no difference");
  return [
    `A: ${names[0]}`,
    `B: ${names[1]}`,
    `${pairs} pairs of processes, ${rounds} rounds each${pinned ? ", both of a pair on one core" : ""}; intervals cover ${percent(coverage)}; least effect ${percent(least)}`,
    "",
    ...changeTable(changes),
    "",
    ...table([
      ["", "A GFLOPs", "B GFLOPs", "answers alike"],
      ...Object.entries(work).map(([name, { aMacs, bMacs, agreement }]) => [
        name,
        digits(gflops(aMacs)),
        digits(gflops(bMacs)),
        percent(agreement),
      ]),
    ]),
    "",
    moved.length === 0
      ? "nothing moved beyond noise"
      : `B is ${moved.map(({ what, verdict }) => `${verdict}: ${what}`).join("; ")}`,
  ];
}
