/**
 * Measures what a plan names, model by model, and gives plain records. Answers are kept in a directory under what they are the answers to,
 * so that a run that was stopped goes on where it was. Node only.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Dials } from "../../bert/dials.ts";
import { loadBert } from "../../bert/load.ts";
import type { Model } from "../../bert/model.ts";
import { TaperError } from "../../engine/errors.ts";
import { writeFileAtomically } from "../../engine/files.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { type CasedTokens, trainBigramTruecaser } from "../../train/bigram-truecaser.ts";
import { trainBigrams } from "../../train/bigrams.ts";
import { readTexts, type TextRow } from "../../train/data.ts";
import { dense } from "../dials.ts";
import { largestDifference } from "../evaluate.ts";
import { maskedReplay } from "../masked-replay.ts";
import { type Answers, type AskedText, answersOf, spread, wholeTexts, wordsOfTexts } from "./answers.ts";
import type { PlannedModel, PlannedTask } from "./plan.ts";
import { type Difference, differenceOf, type Figures, figuresOf } from "./record.ts";
import { type Sceptic, sceptic } from "./sceptic.ts";
import { type TimedRow, timeRow } from "./timing.ts";

/** `difference` is against the model that the row itself is compared with. */
export interface CurvePoint extends Difference, Pick<Figures, "accuracy" | "speedup"> {
  readonly dials: Dials;
}

export interface ModelRecord extends Figures, Pick<PlannedModel, "name" | "role" | "directory"> {
  readonly layers: number;
  /** SHA-256 of its weights, first 16 hex digits. */
  readonly hash: string;
  readonly dials: Dials;
  /** Against the same parameters run dense; absent for a model that can only be dense. */
  readonly own?: Difference & { readonly accuracy: number };
  /** Against the most accurate of the task's dense models and its own dense run. */
  readonly best?: Difference & { readonly name: string };
  /** The largest |difference| of logits between dropping rows and masking them, of the first texts; absent for dense rows. */
  readonly masked?: { readonly texts: number; readonly difference: number };
  /** The same model with other dials. */
  readonly curve?: readonly CurvePoint[];
  /** Of the task's first "ours", if it classifies. */
  readonly sceptic?: Sceptic;
  readonly timed?: TimedRow;
}

export interface TaskRecord extends Pick<PlannedTask, "name" | "kind" | "data" | "published"> {
  readonly bigrams?: number;
  readonly models: readonly ModelRecord[];
}

export interface RunOptions {
  /** Where answers are kept. */
  readonly cache: string;
  /** Rounds of the timing. */
  readonly runs: number;
  readonly open: (directory: string) => Promise<Model>;
  readonly progress?: (line: string) => void;
}

/** Texts of which dropping is compared with masking. */
const maskedTexts = 64;

export async function runTask(task: PlannedTask, options: RunOptions): Promise<TaskRecord> {
  const { progress = () => undefined, open } = options;
  await mkdir(options.cache, { recursive: true });
  const rows: TextRow[] = [];
  for (const file of task.data) rows.push(...(await readTexts(file, { limit: task.limit })));
  const denseOnes: { name: string; answers: Answers }[] = [];
  const models: ModelRecord[] = [];
  let bigrams: number | undefined;
  const reference = await open(task.models[0].directory);
  try {
    if (task.bigrams.length > 0) bigrams = await bigramsOf(task, rows, reference);
    for (const planned of task.models) {
      progress(`${task.name}: ${planned.name} (${planned.directory})`);
      const isReference = planned === task.models[0];
      const model = isReference ? reference : await open(planned.directory);
      try {
        models.push(await runModel(task, planned, model, reference, rows, denseOnes, options));
      } finally {
        if (!isReference) await model.dispose();
      }
    }
  } finally {
    await reference.dispose();
  }
  const { name, kind, data, published } = task;
  return { name, kind, data, published, ...(bigrams !== undefined && { bigrams }), models };
}

async function runModel(
  task: PlannedTask,
  planned: PlannedModel,
  model: Model,
  reference: Model,
  rows: readonly TextRow[],
  denseOnes: { name: string; answers: Answers }[],
  { cache, runs, progress }: RunOptions,
): Promise<ModelRecord> {
  const texts =
    task.kind === "truecasing" ? wordsOfTexts(model, rows.map(wholeText)) : wholeTexts(model, labelled(rows));
  const hash = await hashOf(join(planned.directory, "model.safetensors"));
  const narrows = planned.role !== "dense" && planned.role !== "static";
  const dials = narrows ? { ...model.defaults, ...planned.dials } : dense;
  const answer = (how: Dials): Promise<Answers> =>
    kept(cache, [hash, how, task.kind, texts.map(({ encoding, tags }) => [encoding.ids, tags])], () =>
      answersOf(model, texts, how, (done) => progress?.(`${planned.name}: ${done} of ${texts.length} texts`)),
    );
  const isFirstOurs = planned === task.models.find(({ role }) => role === "ours");
  const its = await answer(dials);
  if (planned.role === "dense") denseOnes.push({ name: planned.name, answers: its });
  const own = narrows ? await answer(dense) : undefined;
  const others = [...denseOnes, ...(own ? [{ name: "itself, dense", answers: own }] : [])];
  const best = others.reduce((a, b) => (accuracyOf(b.answers) > accuracyOf(a.answers) ? b : a));
  const curve: CurvePoint[] = [];
  for (const other of planned.curve) {
    const point = await answer(other);
    const { accuracy, speedup } = figuresOf(point, denseOnes[0].answers, task.buckets);
    curve.push({ dials: other, accuracy, speedup, ...differenceOf(point, best.answers) });
  }
  const timedTexts = spread(texts, task.timedTexts).map(({ encoding }) => encoding);
  const timed = timedTexts.length > 0 ? await timeRow(model, dials, reference, timedTexts, runs) : undefined;
  return {
    name: planned.name,
    role: planned.role,
    directory: planned.directory,
    layers: model.config.layers,
    hash,
    dials,
    ...figuresOf(its, denseOnes[0].answers, task.buckets),
    ...(own && { own: { accuracy: accuracyOf(own), ...differenceOf(its, own) } }),
    ...(planned.role !== "dense" && { best: { name: best.name, ...differenceOf(its, best.answers) } }),
    ...(curve.length > 0 && { curve }),
    ...(own && { masked: await maskedDifference(planned, model, texts, dials) }),
    ...(isFirstOurs && task.kind === "classification" && { sceptic: await sceptic(model, texts, dials) }),
    ...(timed && { timed }),
  };
}

const accuracyOf = ({ answers, truth }: Answers): number =>
  answers.filter((answer, i) => answer === truth[i]).length / truth.length;

const wholeText = ({ text }: TextRow): string => [text].flat().join(" ");

function labelled(rows: readonly TextRow[]): { text: TextRow["text"]; label: number }[] {
  return rows.map(({ text, label, row }) => {
    if (label !== undefined) return { text, label };
    throw new TaperError("ERR_DATA", `row ${row}: expected a label, found none.`);
  });
}

/** Rows that left for real against rows that were masked, with the same decisions. */
async function maskedDifference(
  { directory }: PlannedModel,
  model: Model,
  texts: readonly AskedText[],
  dials: Dials,
): Promise<{ texts: number; difference: number }> {
  const some = texts.slice(0, maskedTexts).map(({ encoding }) => encoding);
  const backend = wasmBackend();
  let difference = 0;
  try {
    const bert = await loadBert(directory, backend);
    for (const encoding of some) {
      const { logits, trace } = await model.forwardEncodings([encoding], dials);
      const masked = await maskedReplay(backend, bert, [encoding.ids], trace);
      difference = Math.max(difference, largestDifference(logits, masked.logits));
    }
  } finally {
    backend.dispose();
  }
  return { texts: some.length, difference };
}

/** The accuracy of counting words and their neighbours, learnt from the plan's training files. `reference` cuts texts into tokens. */
async function bigramsOf({ bigrams, kind }: PlannedTask, rows: readonly TextRow[], reference: Model): Promise<number> {
  const learn: TextRow[] = [];
  for (const file of bigrams) learn.push(...(await readTexts(file)));
  if (kind === "truecasing") {
    const cased = (from: readonly TextRow[]): CasedTokens[] =>
      wordsOfTexts(reference, from.map(wholeText)).map(({ encoding, tags }) => ({ tokens: encoding.tokens, tags }));
    const truecaser = trainBigramTruecaser(cased(learn), reference.config.labels.length);
    const pairs = cased(rows).flatMap((text) => {
      const answers = truecaser.answers(text);
      return text.tags.flatMap((tag, i) => (tag < 0 ? [] : [answers[i] === tag]));
    });
    return pairs.filter((isRight) => isRight).length / pairs.length;
  }
  const plain = (from: readonly TextRow[]) =>
    labelled(from).map((row, i) => ({ text: wholeText(from[i]), label: row.label }));
  const model = trainBigrams(plain(learn));
  const asked = plain(rows);
  return asked.filter(({ text, label }) => model.classify(text) === label).length / asked.length;
}

async function kept(cache: string, identity: unknown, make: () => Promise<Answers>): Promise<Answers> {
  const key = createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 32);
  const path = join(cache, `${key}.json`);
  const stored = await readFile(path, "utf8").catch(() => undefined);
  if (stored !== undefined) return JSON.parse(stored);
  const made = await make();
  await writeFileAtomically(path, JSON.stringify(made));
  return made;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex").slice(0, 16);
}
