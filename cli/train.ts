/** `taperbert train`: a training run as its config says, with a line of progress; Ctrl-C saves and stops. */
import { readFile } from "node:fs/promises";
import { TaperError } from "../engine/errors.ts";
import { exists } from "../engine/read-file.ts";
import { parseStages, type Stage } from "../train/stages.ts";
import {
  addProgress,
  figures,
  type Measured,
  noProgress,
  train as run,
  type StepProgress,
  type TrainOptions,
  type TrainResult,
} from "../train/trainer.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, required } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { backendFlags, trainingVariant } from "./model-flags.ts";

/** More would be a slip: a run of a larger machine can be repeated on a small one, within reason. */
export const mostWorkers = 64;

const flags = {
  config: { type: "string", value: "FILE", help: "what to train on what, and how (JSON)" },
  out: { type: "string", value: "DIR", help: "where the model and the run's own files go" },
  resume: { type: "boolean", help: "go on from the last checkpoint in DIR" },
  workers: { type: "string", value: "N", help: "replicas, one thread each; default: the number of processors" },
  simd: backendFlags.simd,
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert train --config models/sst2-12x128/train.json --out runs/sst2",
  "taperbert train --config models/sst2-12x128/train.json --out runs/sst2 --resume",
  "taperbert train --config mlm.json --out runs/mlm --workers 4 --simd relaxed --json",
];

const about = `Trains a BERT from scratch, or from a model directory. The same config, data, number of workers and build give the same
parameters, whether or not the run was interrupted. DIR becomes a model directory; train-log.jsonl has the figures.`;

/** Between two plain lines of progress. */
const lineEveryMs = 30_000;

export async function train(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("train", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const file = required(values.config, "train", "config");
  const directory = required(values.out, "train", "out");
  const options = {
    workers: numberOf(values.workers, "workers", { least: 1, most: mostWorkers, whole: true }),
    variant: await trainingVariant(values.simd),
    json: values.json,
  };
  const stages = parseStages(await readConfig(file), directory, file);
  return (await runStages(stages, options, values.resume === true, io)) ? 0 : 1;
}

/** Runs one stage after the other; false if Ctrl-C stopped them. `json` prints each stage's result. */
export async function runStages(
  stages: readonly Stage[],
  { json, ...common }: Pick<TrainOptions, "workers" | "variant"> & { readonly json?: boolean | undefined },
  resumes: boolean,
  io: Io,
): Promise<boolean> {
  const interruption = new AbortController();
  const interrupt = (): void => {
    io.err("\nstopping after this step, or these texts of a teacher; again to stop without saving");
    interruption.abort();
  };
  const options = { ...common, signal: interruption.signal };
  const forget = io.onInterrupt(interrupt);
  try {
    for (const [i, stage] of stages.entries()) {
      interruption.signal.throwIfAborted();
      const { recipe, data, unlabelled } = stage.config;
      io.err(`stage ${i + 1} of ${stages.length}: ${recipe}, reading ${[...data, ...unlabelled].join(", ")}`);
      // A later stage of a resumed plan may not have begun.
      const resume = resumes && (i === 0 || (await exists(`${stage.directory}/train.json`)));
      const result = await runStage(stage, { ...options, resume }, io);
      if (json) printJson(io, result);
      else if (result.finished) io.out(`${stage.directory}: trained for ${result.steps} steps`);
      if (result.finished) continue;
      io.err(`stopped after step ${result.step} of ${result.steps}; go on with --resume`);
      return false;
    }
    return true;
  } catch (error) {
    if (!interruption.signal.aborted || error !== interruption.signal.reason) throw error;
    io.err("stopped between steps: what ended before is kept; start it again, with --resume if a stage had begun");
    return false;
  } finally {
    forget();
  }
}

async function runStage(
  stage: Stage,
  options: Omit<TrainOptions, "config" | "directory" | "onStep" | "onMeasured">,
  io: Io,
): Promise<Omit<TrainResult, "measured"> & { directory: string }> {
  const progress = new ProgressLine(io);
  const { measured, ...rest } = await run({
    ...stage,
    ...options,
    onStep: (step) => progress.add(step),
    onTaught: (done, of) => progress.show(`the teacher answers: ${done} of ${of} texts`),
    onMeasured: (held) => io.err(progress.clear(describe(held))),
  });
  progress.end();
  const held = measured === undefined ? {} : { heldOut: figures(measured.dense) };
  const skimmed = measured?.skimmed === undefined ? {} : { heldOutSkimmed: figures(measured.skimmed) };
  return { directory: stage.directory, ...rest, ...held, ...skimmed };
}

async function readConfig(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new TaperError("ERR_FILE", `${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TaperError("ERR_CONFIG", `${file}: expected JSON; ${(error as Error).message}.`, { cause: error });
  }
}

function describe({ step, dense, skimmed }: Measured): string {
  const show = (name: string, { loss, accuracy, kept, exits }: ReturnType<typeof figures>): string => {
    const parts = [`${name} loss ${loss.toFixed(4)}, accuracy ${(100 * accuracy).toFixed(2)} %`];
    if (kept !== undefined) parts.push(`kept ${(100 * kept).toFixed(1)} %`);
    if (exits !== undefined) parts.push(`exits ${exits.map((a) => (100 * a).toFixed(1)).join(" ")}`);
    return parts.join(", ");
  };
  const both = [show("dense", figures(dense)), ...(skimmed ? [show("skimmed", figures(skimmed))] : [])];
  return `step ${step}, held out: ${both.join("; ")}`;
}

/** Figures of the steps since the last plain line, drawn over themselves where a person watches. */
class ProgressLine {
  private readonly io: Io;
  private pending = noProgress;
  private last: StepProgress | undefined;
  private steps = 0;
  private ms = 0;
  private lineAt = performance.now();

  constructor(io: Io) {
    this.io = io;
  }

  add(step: StepProgress): void {
    this.pending = addProgress(this.pending, step);
    this.last = step;
    this.steps++;
    this.ms += step.ms;
    if (this.show(this.text())) this.pending = noProgress;
  }

  /** Draws a line; where nobody watches it is printed, now and then. Whether it was time for one. */
  show(line: string): boolean {
    this.io.progress(line);
    if (performance.now() - this.lineAt < lineEveryMs) return false;
    if (!this.io.liveProgress) this.io.err(line);
    this.lineAt = performance.now();
    return true;
  }

  /** A line to print in the place of the progress. */
  clear(line: string): string {
    this.io.progress("");
    return line;
  }

  end(): void {
    if (this.last !== undefined) this.io.err(this.clear(this.text()));
  }

  private text(): string {
    const { pending, last } = this;
    if (last === undefined || pending.tokens === 0) return "";
    const { loss, accuracy, kept } = figures(pending.sums);
    const left = (this.ms / this.steps) * (last.steps - last.step);
    return [
      `step ${last.step}/${last.steps}`,
      `loss ${loss.toFixed(4)}`,
      `accuracy ${(100 * accuracy).toFixed(1)} %`,
      ...(kept === undefined ? [] : [`kept ${(100 * kept).toFixed(1)} %`]),
      `${Math.round((1000 * pending.tokens) / pending.ms)} tokens/s`,
      `${((2 * pending.macs) / pending.ms / 1e6).toFixed(1)} GFLOP/s`,
      `${duration(left)} left`,
    ].join("  ");
  }
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.floor((ms % 60_000) / 1000);
  return minutes > 0 ? `${minutes} min ${seconds} s` : `${seconds} s`;
}
