/**
 * A model directory into one whose encoder is stored in 8 bits, as `loadModel` with `dtype: "int8"` would compute it: loading then has
 * nothing left to do. Embedding tables become F16; everything else stays as it is. It changes no dials; a certificate stays
 * behind. Node only.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { type ModelFiles, modelFiles, readJsonFile } from "../engine/model-files.ts";
import { type StoredType, type WritableTensor, writeSafetensors } from "../engine/safetensors.ts";
import { readTensor, type TensorFile } from "../engine/safetensors-source.ts";
import { isInt8Weight, quantised, scaleName } from "./dtype.ts";
import { type Family, familyOf } from "./family.ts";
import { goldenFile } from "./golden.ts";
import { openCheckpoint, readConfigs } from "./load.ts";
import { sentenceFiles } from "./sentence.ts";
import { taperSchemaVersion } from "./taper-config.ts";

/** What a directory has besides the checkpoint and `taperbert.json`. */
const copied = ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json", goldenFile];
const floats: readonly string[] = ["F32", "F16", "BF16"] satisfies StoredType[];

export interface QuantisedSizes {
  /** Bytes of the checkpoint's tensors, and of the model.safetensors that was written. */
  readonly before: number;
  readonly after: number;
  /** Tensors that are now 8-bit. */
  readonly tensors: number;
}

/**
 * Writes the directory `to`, made if need be; the checkpoint last. A relative of BERT keeps its own names; shards become one file.
 * @throws TaperError ERR_OPTION if both are the same, ERR_CONFIG if `from` is in 8 bits already, ERR_FILE, ERR_CHECKPOINT
 */
export async function quantiseModel(from: string, to: string): Promise<QuantisedSizes> {
  if (resolve(from) === resolve(to)) {
    throw new TaperError(
      "ERR_OPTION",
      `${to}: expected a directory other than the model's; its weights would be lost.`,
    );
  }
  const { taper, config, json } = await readConfigs(from);
  if (taper.quantization !== undefined) {
    throw new TaperError("ERR_CONFIG", `${from}: expected a model in floats; its taperbert.json says it is quantised.`);
  }
  const files = await modelFiles(from);
  const checkpoint = await openCheckpoint(files);
  const { before, tensors } = await quantiseTensors(checkpoint, familyOf(json)).finally(() => checkpoint.close());
  const bytes = writeSafetensors(tensors, { dtype: "F32" });
  const sentence = config.task === "embedding" ? await sentenceFiles(files) : [];
  await copyFiles(files, from, to, [...copied, ...sentence]);
  const own = (await readJsonFile(files, "taperbert.json", { optional: true })) as object | undefined;
  // What was certified was the model as it was.
  const marked = {
    schemaVersion: taperSchemaVersion,
    ...own,
    certificate: undefined,
    quantization: { dtype: "int8" },
  };
  await writeFileAtomically(`${to}/taperbert.json`, `${JSON.stringify(marked, undefined, 2)}\n`);
  await writeFileAtomically(`${to}/model.safetensors`, bytes);
  const quantised = [...tensors.values()].filter(({ data }) => data instanceof Int8Array);
  return { before, after: bytes.length, tensors: quantised.length };
}

/** Those of the files that there are. Throws ERR_FILE. */
async function copyFiles(files: ModelFiles, from: string, to: string, names: readonly string[]): Promise<void> {
  try {
    await mkdir(to, { recursive: true });
    for (const name of names) {
      if (!(await files.has(name))) continue;
      await mkdir(dirname(`${to}/${name}`), { recursive: true });
      await copyFile(`${from}/${name}`, `${to}/${name}`);
    }
  } catch (cause) {
    if (cause instanceof TaperError) throw cause;
    throw new TaperError("ERR_FILE", `${to} cannot be made: ${(cause as Error).message}`, { cause });
  }
}

/** Tensors that are no floats (position ids of old checkpoints) are left out: nothing reads them. */
async function quantiseTensors(checkpoint: TensorFile, family: Family | undefined) {
  const tensors = new Map<string, WritableTensor>();
  let before = 0;
  for (const [name, entry] of checkpoint.entries) {
    const { shape, dtype } = entry;
    before += entry.end - entry.begin;
    if (!floats.includes(dtype)) continue;
    const values = (await readTensor(checkpoint, name, entry)).read();
    const ours = family?.nameOf(name) ?? name;
    if (isInt8Weight(ours) && shape.length === 2) {
      const { m, values: integers, scales } = quantised(values, shape[0], shape[1]);
      tensors.set(name, { shape, data: integers });
      tensors.set(scaleName(name), { shape: [m], data: scales, dtype: "F32" });
    } else {
      const isTable = /embeddings\.[^.]*embeddings\.weight$/.test(ours);
      const stored = isTable && dtype === "F32" ? "F16" : (dtype as StoredType);
      tensors.set(name, { shape, data: values, dtype: stored });
    }
  }
  // The widest values first: then all of them lie aligned.
  const width = ({ data, dtype }: WritableTensor): number => (data instanceof Int8Array ? 1 : dtype === "F32" ? 4 : 2);
  return { before, tensors: new Map([...tensors].sort(([, a], [, b]) => width(b) - width(a))) };
}
