/**
 * From a model's files to a model that runs: reads Hugging Face's files and `taperbert.json`, checks that they fit together,
 * and puts the parameters onto a backend.
 */
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import { type ModelFiles, type ModelSource, missingFile, modelFiles, readJsonFile } from "../engine/model-files.ts";
import { openSafetensors, type TensorFile } from "../engine/safetensors-source.ts";
import { openShards, parseShardIndex } from "../engine/sharded-safetensors.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { Bert } from "./bert.ts";
import { buildBert } from "./build.ts";
import { type BackendName, chooseBackend, infoOf, type Simd } from "./choose-backend.ts";
import { type BertConfig, parseConfig } from "./config.ts";
import { checkDtype, type Dtype } from "./dtype.ts";
import { familyOf } from "./family.ts";
import { loadOptionNames } from "./load-options.ts";
import { Model, type ModelOptions } from "./model.ts";
import type { ParameterSource } from "./parameters.ts";
import { readParameters } from "./read-parameters.ts";
import { readSentenceConfig } from "./sentence.ts";
import { parseTaperConfig, type TaperConfig } from "./taper-config.ts";
import { tokenizerIn } from "./tokenizer/load.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** Where and in what a model computes; everything has a default. */
export interface LoadOptions extends ModelOptions {
  /**
   * In what the encoder's linear layers compute: "f32", or "int8" (weights with a scale for each output, activations with one for each
   * row). Default: what the directory is stored in; a float one is quantised as it is loaded.
   */
  readonly dtype?: Dtype | undefined;
  /**
   * Where to compute. Default "auto": the fastest on this CPU. A backend object is the model's from here on: it is disposed together
   * with it, or when the directory cannot be loaded.
   */
  readonly backend?: BackendName | InferenceBackend | undefined;
  /**
   * The build of the wasm backend. Default "auto": relaxed SIMD where the engine has it, else plain. "wide" computes on 256 bits and is
   * refused with a reason (ERR_BACKEND) where it cannot run: it needs Node 24 or later on x64, sets a flag of V8 for the whole process
   * (--experimental-wasm-revectorize), and tests itself, which takes about 10 ms.
   */
  readonly simd?: Simd | undefined;
  /**
   * At most so many threads share each operation (wasm); the answers are the same bits for any number. Default 1. More than the
   * machine's cores are not used, nor more than one on a page that is not cross-origin isolated. They end with `dispose()`.
   */
  readonly threads?: number | undefined;
  /**
   * The wasm backend's module, compiled from what `taperbert emit-wasm` wrote: where a Content-Security-Policy or a server allows no
   * compiling from bytes. It says which build it is; `backend` and `simd` are left out with it. A WebAssembly.Module, which the libraries
   * that a project compiles with need not know the type of.
   */
  readonly wasmModule?: object | undefined;
}

/**
 * Loads `config.json`, `model.safetensors` (or its shards), the tokenizer's files and, if there is one, `taperbert.json`: from a
 * directory, from a URL, or from files at hand. Nothing outside of the directory is read.
 * Throws ERR_FILE, ERR_CONFIG, ERR_CHECKPOINT, ERR_VOCABULARY, ERR_OPTION or ERR_BACKEND; nothing stays allocated then.
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  refuseUnknown(options, loadOptionNames, "loadModel()");
  const dtype = checkDtype(options.dtype, "loadModel(): dtype");
  checkCount(options.threads, "threads");
  checkCount(options.tokenBudget, "tokenBudget");
  const files = await modelFiles(source);
  const { simd, threads, wasmModule } = options;
  const chosen = await chooseBackend(options.backend ?? "auto", { simd, threads, wasmModule });
  const { backend } = chosen;
  try {
    const configs = await configsIn(files);
    const { config } = configs;
    const [tokenizer, bert] = await both(
      tokenizerIn(files).then((tokenizer) => checkTokenizer(tokenizer, config, files.where)),
      readBert(files, configs, backend, dtype),
    );
    const sentence = config.task === "embedding" ? await readSentenceConfig(files) : undefined;
    return new Model(bert, backend, tokenizer, options, { sentence, info: infoOf(chosen) });
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** Both results; if either fails, an error when both have ended, the first's before the second's. */
async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** [CLS] and two [SEP]: the tokens of a pair of empty texts. */
const fewestPositions = 3;

function checkTokenizer(tokenizer: Tokenizer, config: BertConfig, directory: string): Tokenizer {
  const { vocabulary, maxLength } = tokenizer;
  if (vocabulary.length > config.vocabulary) {
    throw new TaperError(
      "ERR_VOCABULARY",
      `${directory}: the vocabulary has ${vocabulary.length} tokens, config.json's vocab_size is ${config.vocabulary}; they are not of one model.`,
    );
  }
  if (Math.min(maxLength, config.maxPositions) < fewestPositions) {
    throw new TaperError(
      "ERR_CONFIG",
      `${directory}: expected room for ${fewestPositions} tokens or more, found max_position_embeddings ${config.maxPositions} (config.json) and model_max_length ${maxLength} (tokenizer_config.json).`,
    );
  }
  return tokenizer;
}

interface Configs {
  readonly config: BertConfig;
  readonly taper: TaperConfig;
  /** `config.json` as it stands. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** `config.json` and `taperbert.json` of a model, checked. */
export async function readConfigs(source: ModelSource): Promise<Configs> {
  return configsIn(await modelFiles(source));
}

async function configsIn(files: ModelFiles): Promise<Configs> {
  const json = await readJsonFile(files, "config.json");
  const config = parseConfig(json, files.pathOf("config.json"));
  const taper = await readJsonFile(files, "taperbert.json", { optional: true });
  return {
    config,
    taper: taper === undefined ? {} : parseTaperConfig(taper, config.layers, files.pathOf("taperbert.json")),
    json: json as Configs["json"],
  };
}

/** The parameters of a model, on a backend that stays the caller's, without anything that runs them. Throws as `loadModel`. */
export async function loadBert(source: ModelSource, backend: InferenceBackend): Promise<Bert> {
  const files = await modelFiles(source);
  return readBert(files, await configsIn(files), backend, undefined);
}

async function readBert(
  files: ModelFiles,
  { config, taper, json }: Configs,
  backend: InferenceBackend,
  dtype: Dtype | undefined,
): Promise<Bert> {
  const stored = taper.quantization?.dtype ?? "f32";
  if (stored === "int8" && dtype === "f32") {
    throw new TaperError(
      "ERR_OPTION",
      `loadModel(): ${files.where} is stored in 8 bits; leave dtype out, or load the model that it was made from for "f32".`,
    );
  }
  const file = await openCheckpoint(files);
  try {
    const read = familyOf(json)?.checkpoint(file, json) ?? file;
    const build = (source: ParameterSource) => buildBert(config, taper, source);
    return await readParameters(read, backend, build, { stored, computed: dtype ?? stored });
  } finally {
    await file.close();
  }
}

/** An index of shards names each tensor; a model of a million of them is none of ours. */
const largestIndex = 64 * 1024 * 1024;

/** `model.safetensors`, or the files that its index names. Throws ERR_FILE or ERR_CHECKPOINT. */
export async function openCheckpoint(files: ModelFiles): Promise<TensorFile> {
  const source = await files.open("model.safetensors");
  if (source !== undefined) return openSafetensors(source);
  const name = "model.safetensors.index.json";
  const index = await readJsonFile(files, name, { optional: true, most: largestIndex });
  const where = files.pathOf(name);
  if (index !== undefined) return openShards(files, parseShardIndex(index, where), where);
  if (await files.has("pytorch_model.bin")) {
    throw new TaperError(
      "ERR_FILE",
      `${files.where} has pytorch_model.bin but no model.safetensors. Convert it once in Python: ` +
        `AutoModel.from_pretrained(directory).save_pretrained(directory, safe_serialization=True).`,
    );
  }
  for (const onnx of ["onnx/model.onnx", "model.onnx"]) {
    if (!(await files.has(onnx))) continue;
    throw new TaperError(
      "ERR_FILE",
      `${files.where} has ${onnx} but no model.safetensors; ONNX is not read. Take the repository that it was converted from, which has the weights.`,
    );
  }
  throw await missingFile(files, "model.safetensors");
}

function checkCount(value: unknown, name: string): void {
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 1)) return;
  throw new TaperError("ERR_OPTION", `loadModel(): ${name} must be a whole number from 1; found ${show(value)}.`);
}
