/** `taperbert classify`: texts in, labels and what they cost out, one at a time. */

import { availableParallelism } from "node:os";
import { gflops } from "../bench/flops.ts";
import type { Dials } from "../bert/dials.ts";
import { printable } from "../bert/display-width.ts";
import type { Explanation } from "../bert/explain.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, required, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { streamLines } from "./jsonl.ts";
import { JsonlCrew } from "./jsonl-crew.ts";
import { answerLines } from "./jsonl-lines.ts";
import { dialFlags, dialsOf, modelFlags, withModel } from "./model-flags.ts";
import { digits, percent, times } from "./table.ts";

const flags = {
  ...modelFlags,
  ...dialFlags,
  jsonl: {
    type: "boolean",
    help: 'read JSON lines: a string, or {"text", "text_pair", "id"}; print an object for each',
  },
  workers: {
    type: "string",
    value: "N",
    help: "with --jsonl: N worker threads, each with its own model, at most one a processor; default 1",
  },
  explain: { type: "boolean", help: "what became of every word, and why the text was answered where it was" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  'taperbert classify --model DIR "a gorgeous, witty, seductive movie"',
  "taperbert classify --model DIR --json < reviews.txt",
  "taperbert classify --model DIR --jsonl --workers 4 < in.jsonl > out.jsonl",
  'taperbert classify --model DIR --explain "it is not without flaws, but I forgave it"',
  'taperbert classify --model DIR --entropy 0.2 --no-skim "it never took off"',
];

const about =
  "Labels each text given, or each line of the standard input. Milliseconds are those of one text alone, from text to answer; " +
  "the first text runs once more beforehand, untimed.";

export async function classify(argv: readonly string[], io: Io): Promise<number> {
  const { values, texts } = parseFlags("classify", argv, flags, { texts: true });
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const dials = dialsOf(values);
  if (values.workers !== undefined && !values.jsonl) {
    throw new TaperError("ERR_OPTION", "--workers needs --jsonl: only lines of JSON are shared out.");
  }
  if (values.jsonl) return classifyJsonl(values, texts, dials, io);
  await withModel("classify", values, async (model) => {
    if (texts.length === 0 && io.interactive) io.err("reading texts from the standard input, one a line");
    let warm = false;
    for await (const text of texts.length > 0 ? texts : io.lines()) {
      if (values.explain) {
        printExplanation(io, await model.explain(text, dials), values.json);
        continue;
      }
      if (!warm) await model.classify(text, dials);
      warm = true;
      const answer = await answerOf(model, text, dials);
      if (answer.truncated)
        io.err(`taperbert: cut to the ${model.maxLength} tokens that this model reads: ${start(text)}`);
      if (values.json) printJson(io, answer);
      else io.out(sentence(answer, text));
    }
  });
  return 0;
}

async function classifyJsonl(
  values: Values<typeof flags>,
  texts: readonly string[],
  dials: Dials,
  io: Io,
): Promise<number> {
  if (texts.length > 0 || values.explain) {
    throw new TaperError("ERR_OPTION", "--jsonl reads the standard input: give no texts, and no --explain.");
  }
  const wanted = numberOf(values.workers, "workers", { least: 1, whole: true }) ?? 1;
  const workers = Math.min(wanted, availableParallelism());
  if (workers < wanted) io.err(`taperbert: ${workers} workers, as many as this machine has processors`);
  if (workers === 1) {
    return withModel("classify", values, (model) => streamLines(io, (lines) => answerLines(model, lines, dials), 1));
  }
  const directory = required(values.model, "classify", "model");
  const { model: _, ...where } = values;
  const crew = await JsonlCrew.start(workers, { directory, values: where, dials });
  try {
    return await streamLines(io, crew.answer, workers);
  } finally {
    await crew.end();
  }
}

function printExplanation(io: Io, explanation: Explanation, json: boolean | undefined): void {
  if (json) {
    printJson(io, explanation);
    return;
  }
  const { label, score, truncated, exitLayer, layers, entropy, macs, denseMacs, ms, drawing } = explanation;
  io.out(
    `${label}, ${percent(score)}${truncated ? ", of its beginning: the text is longer than this model reads" : ""}`,
  );
  for (const line of drawing.split("\n")) io.out(line);
  io.out(`  exit    layer ${exitLayer} of ${layers}, at a normalised entropy of ${digits(entropy)}`);
  io.out(`  GFLOPs  ${digits(gflops(macs))} of ${digits(gflops(denseMacs))} dense: ${times(denseMacs / macs)} fewer`);
  io.out(`  ms      ${digits(ms)}`);
}

export interface ClassifyLine {
  readonly label: string;
  readonly score: number;
  readonly exitLayer: number;
  readonly rowsPerLayer: readonly number[];
  readonly gflops: number;
  readonly denseGflops: number;
  readonly ms: number;
  readonly truncated: boolean;
}

async function answerOf(model: Model, text: string, dials: ReturnType<typeof dialsOf>): Promise<ClassifyLine> {
  const startedAt = performance.now();
  const { label, score, truncated, trace } = await model.classify(text, dials);
  const ms = performance.now() - startedAt;
  return {
    label,
    score,
    exitLayer: trace.exitLayer,
    rowsPerLayer: trace.attended,
    gflops: gflops(trace.macs),
    denseGflops: gflops(trace.denseMacs),
    ms,
    truncated,
  };
}

function sentence(line: ClassifyLine, text: string): string {
  const cost = `${digits(line.gflops)} GFLOPs (dense ${digits(line.denseGflops)}, ${times(line.denseGflops / line.gflops)})`;
  const parts = [percent(line.score), `exit ${line.exitLayer}`, cost, `${digits(line.ms)} ms`, start(text)];
  return `${line.label}  ${parts.join("  ")}`;
}

/** Enough of a text to know it by. */
function start(text: string): string {
  const shown = printable(text.slice(0, 200));
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}
