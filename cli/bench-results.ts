/** `taperbert bench results`: what a plan of tasks and models names, measured into records, and the records as a page. */
import { readFile } from "node:fs/promises";
import { describeEnvironment, environment } from "../bench/environment.ts";
import { type MeasuredTask, type Results, resultsPage } from "../bench/results/page.ts";
import { parsePlan } from "../bench/results/plan.ts";
import { runTask } from "../bench/results/run.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, required } from "./flags.ts";
import type { Io } from "./io.ts";
import { backendFlags, openModel } from "./model-flags.ts";

const flags = {
  plan: { type: "string", value: "FILE", help: "tasks and models (JSON)" },
  only: { type: "string", value: "TASK", help: "measure this task; records of the others stay as they are" },
  out: { type: "string", value: "PATH", help: "write PATH.json and PATH.md" },
  render: { type: "boolean", help: "measure nothing: write PATH.md from PATH.json" },
  cache: {
    type: "string",
    value: "DIR",
    help: "where answers are kept, for a run that was stopped; default runs/results",
  },
  runs: { type: "string", value: "R", help: "rounds of the timing; default 5" },
  ...backendFlags,
  help: commonFlags.help,
} as const satisfies Flags;

const examples = [
  "taperbert bench results --plan docs/results-plan.json --out docs/results",
  "taperbert bench results --out docs/results --render",
];

const about = `Every model of a task reads the same test texts: accuracy, operations against the task's first dense model on the real length and padded,
paired differences, figures by length and layer, milliseconds interleaved with that dense model, and the distance between dropping rows
and masking them. Models run with their directory's default dials, chosen on other texts, unless the plan says otherwise.`;

export async function benchResults(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench results", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const out = required(values.out, "bench results", "out");
  const stored = await readRecords(`${out}.json`);
  if (values.render) {
    if (stored === undefined) throw new TaperError("ERR_FILE", `${out}.json: expected records; measure a plan first.`);
    await writeFileAtomically(`${out}.md`, resultsPage(stored));
    return 0;
  }
  const where = required(values.plan, "bench results", "plan");
  const plan = parsePlan(await readJson(where), where);
  const tasks = plan.filter(({ name }) => values.only === undefined || name === values.only);
  if (tasks.length === 0) {
    const names = plan.map(({ name }) => name).join(", ");
    throw new TaperError("ERR_OPTION", `--only: expected one of ${names}; found "${values.only}".`);
  }
  const found = new Map<string, MeasuredTask>(stored?.tasks.map((record) => [record.name, record]));
  for (const task of tasks) {
    const record = await runTask(task, {
      cache: values.cache ?? "runs/results",
      runs: numberOf(values.runs, "runs", { least: 1, whole: true }) ?? 5,
      open: (directory) => openModel(directory, values),
      progress: (line) => io.progress(line),
    });
    io.progress("");
    found.set(task.name, { ...record, environment: describeEnvironment(await environment()) });
    const results: Results = {
      schemaVersion: 1,
      command: `taperbert bench results --plan ${where} --out ${out}`,
      tasks: plan.flatMap(({ name }) => found.get(name) ?? []),
    };
    await writeFileAtomically(`${out}.json`, `${JSON.stringify(results, rounded, 1)}\n`);
    await writeFileAtomically(`${out}.md`, resultsPage(results));
    io.out(`${task.name}: ${record.models.length} models in ${out}.json and ${out}.md`);
  }
  return 0;
}

/** Six digits say all that these figures know. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new TaperError("ERR_FILE", `${path}: ${(error as Error).message}`, { cause: error });
  }
}

async function readRecords(path: string): Promise<Results | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const results = JSON.parse(text) as Results;
  if (results.schemaVersion === 1) return results;
  throw new TaperError("ERR_FILE", `${path}: expected records of version 1, found ${String(results.schemaVersion)}.`);
}
