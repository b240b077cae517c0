/** `taperbert adapt`: a dense BERT of somebody's own gets faster on texts of theirs: it learns to narrow, and its dials are certified. */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { checkedTextsNeeded } from "../bench/certify.ts";
import { readConfigs } from "../bert/load.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { Random } from "../engine/random.ts";
import { exists } from "../engine/read-file.ts";
import { adaptationPlan } from "../train/adaptation.ts";
import type { TextRow } from "../train/data.ts";
import { readIfThere } from "../train/run-directory.ts";
import { parseStages } from "../train/stages.ts";
import { certified, certifyFlags, certifyOptionsOf, tell } from "./calibrate.ts";
import { dataFlags, labelled, readRows } from "./data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, required } from "./flags.ts";
import type { Io } from "./io.ts";
import { backendFlags, openModel, trainingVariant } from "./model-flags.ts";
import { gridOf } from "./pareto.ts";
import { mostWorkers, runStages } from "./train.ts";

const flags = {
  model: { type: "string", value: "DIR", help: "a fine-tuned dense BERT: config.json, model.safetensors, vocab.txt" },
  ...dataFlags,
  out: { type: "string", value: "DIR", help: "where the faster model goes" },
  skim: { type: "string", value: "HOW", help: "thresholds (the default), predictors or none" },
  backbone: { type: "boolean", help: "let the model itself learn, too; else only what is added does" },
  epochs: { type: "string", value: "N", help: "of each stage; default 2" },
  weight: { type: "string", value: "L", help: "what a kept token costs; higher keeps less; default 0.1" },
  "max-tokens": {
    type: "string",
    value: "N",
    help: "cut texts to N tokens while learning; default 256 or what the model reads",
  },
  "tokens-per-step": { type: "string", value: "N", help: "default 2048" },
  calibration: { type: "string", value: "X", help: "the share of the texts kept for choosing dials; default 0.25" },
  ...certifyFlags,
  resume: { type: "boolean", help: "go on with the adaptation that was stopped in DIR; data and options as they were" },
  workers: { type: "string", value: "N", help: "replicas, one thread each; default: the number of processors" },
  ...backendFlags,
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert adapt --model my-bert --data texts.txt --out my-fast-bert",
  "taperbert adapt --model my-bert --data train.tsv --out my-fast-bert --skim predictors --backbone",
  "taperbert adapt --model my-bert --data texts.txt --out my-fast-bert --max-drop 0.005",
  "taperbert adapt --model my-bert --data texts.txt --out my-fast-bert --max-drop 0.005 --resume",
];

const about = `What is learned are the model's own dense answers, so texts without labels are enough; labels serve the choice of dials only, and
only if every row has one. Thresholds or predictors learn first, exit heads after them with tokens leaving for real, and then dials are
certified on texts kept for that (see taperbert calibrate). DIR becomes a model directory; the stages before the last lie in it.`;

const ways = ["thresholds", "predictors", "none"] as const;

export async function adapt(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("adapt", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const [from, out] = [required(values.model, "adapt", "model"), required(values.out, "adapt", "out")];
  const skim = ways.find((way) => way === (values.skim ?? "thresholds"));
  if (skim === undefined) {
    throw new TaperError("ERR_OPTION", `--skim: expected ${ways.join(", ")}; found "${values.skim}".`);
  }
  const share = numberOf(values.calibration, "calibration", { least: 0 }) ?? 0.25;
  if (!(share > 0 && share < 1))
    throw new TaperError("ERR_OPTION", `--calibration: expected a share between 0 and 1; found ${share}.`);
  const options = certifyOptionsOf(values);
  const count = (flag: "epochs" | "max-tokens" | "tokens-per-step"): number | undefined =>
    numberOf(values[flag], flag, { least: 1, whole: true });
  const { config } = await readConfigs(from);
  if (config.task !== "sequence-classification") {
    throw new TaperError(
      "ERR_INPUT",
      `adapt needs a model for sequence-classification; ${from} is for ${config.task}.`,
    );
  }
  if (config.multiLabel) {
    throw new TaperError("ERR_INPUT", `adapt: ${from} gives each label by itself; exit heads are sure of one label.`);
  }
  if (config.poolerActivation !== undefined) {
    throw new TaperError(
      "ERR_INPUT",
      `adapt: the pooler of ${from} has a ReLU (DistilBERT's), which cannot be trained here.`,
    );
  }
  if (resolve(from) === resolve(out)) {
    throw new TaperError("ERR_OPTION", `--out: expected a directory other than the model's; ${from} would be lost.`);
  }
  const rows = await readRows("adapt", values);
  // Before hours of training: dials that nobody can certify are of no use.
  const { learn, keep } = split(rows, share, options.seed);
  const needed = checkedTextsNeeded(options);
  if (keep.length < needed) {
    throw new TaperError(
      "ERR_DATA",
      `adapt: of ${rows.length} texts ${keep.length} are kept for choosing dials (--calibration ${share}); to certify a drop of at most ${options.maxDrop} at delta ${options.delta} expected at least ${needed}, of some ${Math.ceil(needed / share)} in all. Give more texts, or a larger --calibration, --max-drop or --delta.`,
    );
  }
  const hasLabels = rows.every(({ label }) => label !== undefined);
  if (hasLabels) labelled(rows, config.labels, values.data ?? "");
  const plan = adaptationPlan({
    from,
    config,
    data: `${out}/adapt.jsonl`,
    skim,
    backbone: values.backbone ?? false,
    epochs: count("epochs") ?? 2,
    maxTokens: Math.min(count("max-tokens") ?? 256, config.maxPositions),
    tokensPerStep: count("tokens-per-step") ?? 2048,
    weight: numberOf(values.weight, "weight", { least: 0 }) ?? 0.1,
    seed: options.seed,
  });
  const stages = parseStages(plan, out, "adapt");
  const workers = numberOf(values.workers, "workers", { least: 1, most: mostWorkers, whole: true });
  const resumes = values.resume ?? false;
  const files = { "adapt.jsonl": jsonLines(learn, false), "calibration.jsonl": jsonLines(keep, hasLabels) };
  await putTexts(out, files, await exists(`${stages[0].directory}/train.json`), resumes);
  // What is asked for is the certified model; how its stages went is talk.
  const talk = { ...io, out: (line: string) => io.err(line) };
  const finished = await runStages(stages, { workers, variant: await trainingVariant(values.simd) }, resumes, talk);
  if (!finished) return 1;
  const [model, full] = [await openModel(out, values), await openModel(from, values)];
  try {
    const texts = keep.map(({ text }) => model.encode(text));
    const labels = hasLabels ? { labels: keep.map(({ label }) => label as number) } : {};
    const progress = (line: string): void => io.progress(line);
    const found = await certified(
      model,
      { model: full, texts },
      { texts, ...labels },
      { grid: gridOf({}), options, progress },
    );
    return await tell(found, out, values.json === true, io);
  } finally {
    await model.dispose();
    await full.dispose();
  }
}

/** Writes the texts of an adaptation that has not begun. One that has is not written over, and goes on with the same texts only. */
async function putTexts(
  out: string,
  files: Readonly<Record<string, string>>,
  begun: boolean,
  resumes: boolean,
): Promise<void> {
  const refuse = (what: string): never => {
    throw new TaperError("ERR_OPTION", what);
  };
  if (resumes && !begun) refuse(`${out} holds no adaptation to resume.`);
  if (begun && !resumes) refuse(`${out} holds an adaptation already; go on with --resume, or take another directory.`);
  await mkdir(out, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    if (!begun) await writeFileAtomically(`${out}/${name}`, text);
    else if ((await readIfThere(`${out}/${name}`))?.toString() !== text) {
      refuse(
        `${out}/${name} has other texts than --data, --calibration and --seed give; an adaptation goes on unchanged.`,
      );
    }
  }
}

/** A text that occurs twice does not come on both sides. */
function split(rows: readonly TextRow[], share: number, seed: number): { learn: TextRow[]; keep: TextRow[] } {
  const byText = new Map<string, TextRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(row.text);
    const same = byText.get(key);
    if (same) same.push(row);
    else byText.set(key, [row]);
  }
  const [learn, keep]: TextRow[][] = [[], []];
  for (const same of new Random(`${seed} calibration`).shuffle([...byText.values()])) {
    (keep.length < share * rows.length ? keep : learn).push(...same);
  }
  return { learn, keep };
}

function jsonLines(rows: readonly TextRow[], withLabels: boolean): string {
  const line = ({ text, label }: TextRow): string => {
    const parts = typeof text === "string" ? { text } : { sentence1: text[0], sentence2: text[1] };
    return JSON.stringify({ ...parts, ...(withLabels && { label }) });
  };
  return `${rows.map(line).join("\n")}\n`;
}
