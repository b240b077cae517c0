/**
 * From the start of a process to its first logits: ours reads a model directory, onnxruntime-node an .onnx file with the same weights. Whole
 * processes by the wall clock, alternated; both files are in the operating system's cache.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BertConfig, configToJson } from "../bert/config.ts";
import { TaperError } from "../engine/errors.ts";
import { writeSafetensors } from "../engine/safetensors.ts";
import { type Measurement, measure } from "./measure.ts";
import { bertModel } from "./onnx/bert.ts";
import { embeddingNames, headNames, layerNames } from "./peers/dense.ts";
import { locate, repository } from "./peers/locate.ts";
import { sessionOptions } from "./peers/onnxruntime.ts";
import type { BertWeights, ReadTensor } from "./peers/peer.ts";
import { randomText, randomWeights } from "./random-model.ts";
import { sameLogits } from "./same-logits.ts";

export interface StartOptions {
  /** Tokens of the text. Default 8. */
  readonly tokens?: number | undefined;
  /** Starts of each. Default 7. */
  readonly runs?: number | undefined;
}

const ours = `
const [index, directory, ids] = process.argv.slice(1);
const { loadModel } = await import(index);
const model = await loadModel(directory);
const { logits } = await model.forward([JSON.parse(ids)], { skim: false, exit: false });
console.log(JSON.stringify([...logits[0]]));
process.exit(0);
`;

const theirs = `
const [library, file, ids, options] = process.argv.slice(1);
const { createRequire } = await import("node:module");
const { InferenceSession, Tensor } = createRequire(library)("onnxruntime-node");
const session = await InferenceSession.create(file, JSON.parse(options));
const values = Int32Array.from(JSON.parse(ids));
const { logits } = await session.run({ ids: new Tensor("int32", values, [1, values.length]) });
console.log(JSON.stringify([...logits.data]));
process.exit(0);
`;

/** Of random weights, written to a temporary directory meanwhile. Throws ERR_FILE without dist/ or without onnxruntime-node. */
export async function timeStart(
  config: BertConfig,
  { tokens = 8, runs = 7 }: StartOptions = {},
): Promise<Measurement<"taperbert" | "onnxruntime-node">> {
  const { index, library } = needed();
  const directory = await mkdtemp(join(tmpdir(), "taperbert-start-"));
  try {
    const weights = { config, read: randomWeights(1) };
    await writeModel(directory, weights);
    const file = join(directory, "model.onnx");
    await writeFile(file, bertModel(weights, { dtype: "f32", padding: false }));
    const ids = JSON.stringify(randomText(tokens, config.vocabulary, 1).ids);
    const options = JSON.stringify({ ...sessionOptions, executionProviders: ["cpu"], intraOpNumThreads: 1 });
    const runOurs = () => logitsOf(ours, [pathToFileURL(index).href, directory, ids]);
    const runTheirs = () => logitsOf(theirs, [library, file, ids, options]);
    sameLogits([runTheirs()], [runOurs()], "onnxruntime-node");
    return await measure({ taperbert: runOurs, "onnxruntime-node": runTheirs }, { runs, warmup: 1 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function needed(): { index: string; library: string } {
  const root = repository();
  const index = root && join(root, "dist", "index.js");
  if (index === undefined || !existsSync(index)) {
    throw new TaperError("ERR_FILE", "bench peers --start runs what is built in a checkout: npm run build first.");
  }
  const found = locate("onnxruntime-node");
  if ("absent" in found) throw new TaperError("ERR_FILE", `bench peers --start: onnxruntime-node: ${found.absent}.`);
  return { index, library: found.path("package.json") };
}

function logitsOf(script: string, args: readonly string[]): Float32Array {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, ...args], {
    encoding: "utf8",
  });
  if (status !== 0) throw new TaperError("ERR_BACKEND", `bench peers --start: a process failed: ${stderr.trim()}`);
  return Float32Array.from(JSON.parse(stdout) as number[]);
}

/** A directory that `loadModel` reads: a vocabulary of made-up words as large as the model's, for its tokenizer takes time too. */
async function writeModel(directory: string, { config, read }: BertWeights): Promise<void> {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const words = Array.from({ length: config.vocabulary - special.length }, (_, i) => `word${i}`);
  await writeFile(join(directory, "vocab.txt"), [...special, ...words].join("\n"));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify({ do_lower_case: true }));
  await writeFile(join(directory, "config.json"), JSON.stringify(configToJson(config)));
  await writeFile(join(directory, "model.safetensors"), writeSafetensors(tensorsOf(config, read), { dtype: "F32" }));
}

function tensorsOf(config: BertConfig, read: ReadTensor): Map<string, { shape: number[]; data: Float32Array }> {
  const { d, f, labels } = config;
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  const add = (name: string, ...shape: number[]): void => void tensors.set(name, { shape, data: read(name, shape) });
  const linear = (name: string, m: number, k: number): void => {
    add(`${name}.weight`, m, k);
    add(`${name}.bias`, m);
  };
  const norm = (name: string): void => {
    add(`${name}.weight`, d);
    add(`${name}.bias`, d);
  };
  add(embeddingNames.word, config.vocabulary, d);
  add(embeddingNames.position, config.maxPositions, d);
  add(embeddingNames.segment, config.types, d);
  norm(embeddingNames.norm);
  for (let l = 0; l < config.layers; l++) {
    const names = layerNames(l);
    for (const name of [names.query, names.key, names.value, names.attentionOut]) linear(name, d, d);
    norm(names.attentionNorm);
    linear(names.up, f, d);
    linear(names.down, d, f);
    norm(names.outputNorm);
  }
  linear(headNames.pooler, d, d);
  linear(headNames.classifier, labels.length, d);
  return tensors;
}
