/**
 * From a model directory to a model that runs: reads Hugging Face's files and `taperbert.json`, checks that they fit together,
 * and puts the parameters onto a backend.
 */
import { refuseUnknown, show, TaperError } from "../engine/errors.ts";
import { exists, readJson } from "../engine/read-file.ts";
import { fileSource, openSafetensors } from "../engine/safetensors-file.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { Bert } from "./bert.ts";
import { buildBert } from "./build.ts";
import { type BackendName, chooseBackend, type Simd } from "./choose-backend.ts";
import { type BertConfig, parseConfig } from "./config.ts";
import { checkDtype, type Dtype } from "./dtype.ts";
import { Model, type ModelOptions } from "./model.ts";
import type { ParameterSource } from "./parameters.ts";
import { readParameters } from "./read-parameters.ts";
import { parseTaperConfig, type TaperConfig } from "./taper-config.ts";
import { loadTokenizer } from "./tokenizer/load.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

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
}

const optionNames = ["dtype", "backend", "simd", "threads", "tokenBudget"];

/**
 * Loads `config.json`, `model.safetensors`, the tokenizer's files and, if there is one, `taperbert.json` from a directory.
 * Throws ERR_FILE, ERR_CONFIG, ERR_CHECKPOINT, ERR_VOCABULARY, ERR_OPTION or ERR_BACKEND; nothing stays allocated then.
 */
export async function loadModel(directory: string, options: LoadOptions = {}): Promise<Model> {
  checkDirectory(directory);
  refuseUnknown(options, optionNames, "loadModel()");
  const dtype = checkDtype(options.dtype, "loadModel(): dtype");
  checkCount(options.threads, "threads");
  checkCount(options.tokenBudget, "tokenBudget");
  const { backend } = await chooseBackend(options.backend ?? "auto", { simd: options.simd, threads: options.threads });
  try {
    const { config, taper } = await readConfigs(directory);
    const [tokenizer, bert] = await both(
      loadTokenizer(directory).then((tokenizer) => checkTokenizer(tokenizer, config, directory)),
      readBert(directory, config, taper, backend, dtype),
    );
    return new Model(bert, backend, tokenizer, options);
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

/** `config.json` and `taperbert.json` of a model directory, checked. */
export async function readConfigs(directory: string): Promise<{ config: BertConfig; taper: TaperConfig }> {
  const configFile = `${directory}/config.json`;
  const config = parseConfig(await readJson(configFile), configFile);
  const taperFile = `${directory}/taperbert.json`;
  const json = await readJson(taperFile, { optional: true });
  return { config, taper: json === undefined ? {} : parseTaperConfig(json, config.layers, taperFile) };
}

async function readBert(
  directory: string,
  config: BertConfig,
  taper: TaperConfig,
  backend: InferenceBackend,
  dtype: Dtype | undefined,
): Promise<Bert> {
  const stored = taper.quantization?.dtype ?? "f32";
  if (stored === "int8" && dtype === "f32") {
    throw new TaperError(
      "ERR_OPTION",
      `loadModel(): ${directory} is stored in 8 bits; leave dtype out, or load the model that it was made from for "f32".`,
    );
  }
  const path = `${directory}/model.safetensors`;
  if (!(await exists(path)) && (await exists(`${directory}/pytorch_model.bin`))) {
    throw new TaperError(
      "ERR_FILE",
      `${directory} has pytorch_model.bin but no model.safetensors. Convert it once in Python: ` +
        `AutoModel.from_pretrained(directory).save_pretrained(directory, safe_serialization=True).`,
    );
  }
  const file = await openSafetensors(await fileSource(path));
  try {
    const build = (source: ParameterSource) => buildBert(config, taper, source);
    return await readParameters(file, backend, build, { stored, computed: dtype ?? stored });
  } finally {
    await file.close();
  }
}

function checkDirectory(value: unknown): void {
  if (typeof value === "string" && value !== "") return;
  throw new TaperError("ERR_OPTION", `loadModel(): directory must be a path; found ${show(value)}.`);
}

function checkCount(value: unknown, name: string): void {
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 1)) return;
  throw new TaperError("ERR_OPTION", `loadModel(): ${name} must be a whole number from 1; found ${show(value)}.`);
}
