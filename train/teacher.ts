/**
 * What teachers say of every text of a run, before the run starts: the logits of each, dense, computed once and kept in the run's directory
 * (teacher.safetensors, teacher-2.safetensors, …) with what they are the answers to. A stage also takes them from a directory that it
 * starts from. A bag of bigrams learns anew each time, which takes seconds. Of several teachers, the mean of the log-probabilities is learned.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { loadModel, readConfigs } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { parseMetadata, parseSafetensors, writeSafetensors } from "../engine/safetensors.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { bigramAnswers } from "./bigram-teacher.ts";
import { cut, type Dataset, fingerprint, textsIn } from "./dataset.ts";
import type { TeacherTraining } from "./parts.ts";
import type { Prepared } from "./prepare.ts";
import { readIfThere } from "./run-directory.ts";

export interface TeachPlaces {
  readonly directory: string;
  /** Other directories that may have the answers already. */
  readonly from: readonly string[];
  readonly variant: Variant | undefined;
  readonly threads: number;
}

/** Tokens in a forward. */
const batchTokens = 2048;

/**
 * The set with `taught` filled in. Throws ERR_CONFIG if a teacher is made for other labels, tokens or texts, loadModel's errors, and the
 * signal's reason.
 */
export async function teach(
  teacher: TeacherTraining,
  prepared: Prepared,
  places: TeachPlaces,
  progress: (done: number, of: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<Dataset> {
  const { config, set } = prepared;
  const c = config.labels.length;
  for (const name of teacher.from) if (name !== "bigrams") await checkTeacher(name, config, set);
  const taught = new Float32Array(new SharedArrayBuffer(4 * c * (set.tags.length || textsIn(set))));
  for (const [i, name] of teacher.from.entries()) {
    const answers =
      name === "bigrams"
        ? bigramAnswers(set, prepared, c, progress)
        : await modelAnswers(name, i, prepared, places, progress, signal);
    addLogProbabilities(taught, answers, c, 1 / teacher.from.length);
  }
  return { ...set, taught };
}

/** Adds share · log softmax of each row of logits [n, c]. */
function addLogProbabilities(sum: Float32Array, logits: Float32Array, c: number, share: number): void {
  for (let at = 0; at < logits.length; at += c) {
    const row = logits.subarray(at, at + c);
    const most = Math.max(...row);
    const log = most + Math.log(row.reduce((total, x) => total + Math.exp(x - most), 0));
    for (let k = 0; k < c; k++) sum[at + k] += share * (row[k] - log);
  }
}

/** The logits of the i-th teacher, from where they are stored, else made and stored. */
async function modelAnswers(
  name: string,
  i: number,
  { config, set }: Prepared,
  { directory, from, variant, threads }: TeachPlaces,
  progress: (done: number, of: number) => void,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const key = `${fingerprint(set)} ${await hashOf(name)}`;
  const c = config.labels.length;
  const answers = new Float32Array(c * (set.tags.length || textsIn(set)));
  const file = i === 0 ? "teacher.safetensors" : `teacher-${i + 1}.safetensors`;
  for (const place of [directory, ...from]) {
    const stored = await storedAnswers(join(place, file), key);
    if (stored?.length === answers.length) return stored;
  }
  const model = await loadModel(name, { simd: variant ?? "auto", threads });
  try {
    await answerAll(model, set, c, answers, progress, signal);
  } finally {
    await model.dispose();
  }
  const tensors = new Map([["logits", { shape: [answers.length / c, c], data: answers }]]);
  await writeFileAtomically(join(directory, file), writeSafetensors(tensors, { dtype: "F32", metadata: { key } }));
  return answers;
}

/** Of everything that makes a model's answers to token ids: its config, its weights in one file or several. */
async function hashOf(directory: string): Promise<string> {
  const hash = createHash("sha256");
  const take = async (name: string): Promise<Buffer | undefined> => {
    const bytes = await readIfThere(join(directory, name));
    if (bytes !== undefined) hash.update(`${name} ${bytes.length}\n`).update(bytes);
    return bytes;
  };
  for (const name of ["config.json", "model.safetensors"]) await take(name);
  const index = await take("model.safetensors.index.json");
  if (index !== undefined) {
    const { weight_map: files = {} } = JSON.parse(index.toString()) as { weight_map?: Record<string, string> };
    for (const name of [...new Set(Object.values(files))].sort()) await take(name);
  }
  return hash.digest("hex");
}

async function checkTeacher(name: string, student: Prepared["config"], set: Dataset): Promise<void> {
  const { config } = await readConfigs(name);
  const refuse = (what: string, expected: unknown, found: unknown): never => {
    throw new TaperError("ERR_CONFIG", `teacher ${name}: expected ${what} ${expected}, found ${found}.`);
  };
  if (config.task !== student.task) refuse("a model for", student.task, config.task);
  if (config.labels.join() !== student.labels.join()) refuse("labels", student.labels, config.labels);
  if (config.vocabulary !== student.vocabulary)
    refuse("a vocabulary of the same tokens:", student.vocabulary, config.vocabulary);
  let longest = 0;
  for (let t = 0; t < textsIn(set); t++) longest = Math.max(longest, set.starts[t + 1] - set.starts[t]);
  if (config.maxPositions < longest) refuse("room for texts of", `${longest} tokens`, config.maxPositions);
}

async function storedAnswers(where: string, key: string): Promise<Float32Array | undefined> {
  const bytes = await readIfThere(where);
  if (bytes === undefined || parseMetadata(bytes, where).get("key") !== key) return undefined;
  return parseSafetensors(bytes, where).get("logits")?.read();
}

async function answerAll(
  model: Model,
  set: Dataset,
  c: number,
  taught: Float32Array,
  progress: (done: number, of: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { ids, starts, split, tags } = set;
  const texts = textsIn(set);
  let done = 0;
  for (const batch of cut(
    set,
    Array.from({ length: texts }, (_, t) => t),
    batchTokens,
  )) {
    signal?.throwIfAborted();
    const read = batch.map((t) => Array.from(ids.subarray(starts[t], starts[t + 1])));
    // A teacher of one segment (DistilBERT, RoBERTa) takes none.
    const segments =
      model.config.types > 1 ? read.map((text, i) => text.map((_, p) => (p < split[batch[i]] ? 0 : 1))) : undefined;
    const { logits } = await model.forward(read, { segments, skim: false, exit: false });
    for (const [i, t] of batch.entries()) taught.set(logits[i], c * (tags.length > 0 ? starts[t] : t));
    done += batch.length;
    progress(done, texts);
  }
}
