/**
 * From the start of a process to its first logits: ours reads a model directory, onnxruntime-node an .onnx file with the same weights. Whole
 * processes by the wall clock, alternated; both files are in the operating system's cache.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BertConfig } from "../bert/config.ts";
import { TaperError } from "../engine/errors.ts";
import { type Measurement, measure } from "./measure.ts";
import { bertModel } from "./onnx/bert.ts";
import { locate, repository } from "./peers/locate.ts";
import { sessionOptions } from "./peers/onnxruntime.ts";
import { randomDirectory } from "./random-directory.ts";
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
  const directory = await randomDirectory(config, {}, 1, madeUpVocabulary(config.vocabulary));
  try {
    const weights = { config, read: randomWeights(1) };
    const file = join(directory.path, "model.onnx");
    await writeFile(file, bertModel(weights, { dtype: "f32", padding: false }));
    const ids = JSON.stringify(randomText(tokens, config.vocabulary, 1).ids);
    const options = JSON.stringify({ ...sessionOptions, executionProviders: ["cpu"], intraOpNumThreads: 1 });
    const runOurs = () => logitsOf(ours, [pathToFileURL(index).href, directory.path, ids]);
    const runTheirs = () => logitsOf(theirs, [library, file, ids, options]);
    sameLogits([runTheirs()], [runOurs()], "onnxruntime-node");
    return await measure({ taperbert: runOurs, "onnxruntime-node": runTheirs }, { runs, warmup: 1 });
  } finally {
    await directory.remove();
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

/** As large as the model's, for its tokenizer takes time too. */
function madeUpVocabulary(size: number): string {
  const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  return [...special, ...Array.from({ length: size - special.length }, (_, i) => `word${i}`)].join("\n");
}
