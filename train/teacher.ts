/**
 * What a teacher says of every text of a run, before the run starts: its logits, dense, computed once and kept in the run's directory
 * (teacher.safetensors) with what they are the answers to. A stage also takes them from the directory that it starts from. A bag of bigrams
 * learns anew each time, which takes seconds.
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
  /** Another directory that may have the answers already. */
  readonly from: string | undefined;
  readonly variant: Variant | undefined;
  readonly threads: number;
}

const cacheName = "teacher.safetensors";
/** Tokens in a forward. */
const batchTokens = 2048;

/** The set with `taught` filled in. Throws ERR_CONFIG if the teacher is made for other labels, tokens or texts, and loadModel's errors. */
export async function teach(
  teacher: TeacherTraining,
  { config, set, sources, learn }: Prepared,
  { directory, from, variant, threads }: TeachPlaces,
  progress: (done: number, of: number) => void = () => undefined,
): Promise<Dataset> {
  if (teacher.from === "bigrams") {
    const answers = bigramAnswers(set, sources, learn, config.labels.length, progress);
    const taught = new Float32Array(new SharedArrayBuffer(answers.byteLength));
    taught.set(answers);
    return { ...set, taught };
  }
  await checkTeacher(teacher, config, set);
  const weights = await readIfThere(join(teacher.from, "model.safetensors"));
  const key = `${fingerprint(set)} ${createHash("sha256")
    .update(weights ?? "")
    .digest("hex")}`;
  const c = config.labels.length;
  const taught = new Float32Array(new SharedArrayBuffer(4 * c * (set.tags.length || textsIn(set))));
  for (const place of [directory, ...(from === undefined ? [] : [from])]) {
    const stored = await storedAnswers(place, key);
    if (stored?.length !== taught.length) continue;
    taught.set(stored);
    return { ...set, taught };
  }
  const model = await loadModel(teacher.from, { simd: variant ?? "auto", threads });
  try {
    await answerAll(model, set, c, taught, progress);
  } finally {
    await model.dispose();
  }
  const tensors = new Map([["logits", { shape: [taught.length / c, c], data: taught }]]);
  await writeFileAtomically(join(directory, cacheName), writeSafetensors(tensors, { dtype: "F32", metadata: { key } }));
  return { ...set, taught };
}

async function checkTeacher(teacher: TeacherTraining, student: Prepared["config"], set: Dataset): Promise<void> {
  const { config } = await readConfigs(teacher.from);
  const refuse = (what: string, expected: unknown, found: unknown): never => {
    throw new TaperError("ERR_CONFIG", `teacher ${teacher.from}: expected ${what} ${expected}, found ${found}.`);
  };
  if (config.task !== student.task) refuse("a model for", student.task, config.task);
  if (config.labels.join() !== student.labels.join()) refuse("labels", student.labels, config.labels);
  if (config.vocabulary !== student.vocabulary)
    refuse("a vocabulary of the same tokens:", student.vocabulary, config.vocabulary);
  let longest = 0;
  for (let t = 0; t < textsIn(set); t++) longest = Math.max(longest, set.starts[t + 1] - set.starts[t]);
  if (config.maxPositions < longest) refuse("room for texts of", `${longest} tokens`, config.maxPositions);
}

async function storedAnswers(place: string, key: string): Promise<Float32Array | undefined> {
  const where = join(place, cacheName);
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
): Promise<void> {
  const { ids, starts, split, tags } = set;
  const texts = textsIn(set);
  let done = 0;
  for (const batch of cut(
    set,
    Array.from({ length: texts }, (_, t) => t),
    batchTokens,
  )) {
    const read = batch.map((t) => Array.from(ids.subarray(starts[t], starts[t + 1])));
    const segments = read.map((text, i) => text.map((_, p) => (p < split[batch[i]] ? 0 : 1)));
    const { logits } = await model.forward(read, { segments, skim: false, exit: false });
    for (const [i, t] of batch.entries()) taught.set(logits[i], c * (tags.length > 0 ? starts[t] : t));
    done += batch.length;
    progress(done, texts);
  }
}
