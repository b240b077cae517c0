/**
 * From a model directory to a model that runs: reads Hugging Face's files and `taperbert.json`, checks that they fit together,
 * and puts the parameters onto a backend.
 */
import { refuseUnknown, TaperError } from "../engine/errors.ts";
import { exists, readJson } from "../engine/read-file.ts";
import { readSafetensorsFile } from "../engine/safetensors-file.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { buildBert } from "./build.ts";
import { Checkpoint, checkpointSource } from "./checkpoint.ts";
import { type BackendName, chooseBackend } from "./choose-backend.ts";
import { type BertConfig, parseConfig } from "./config.ts";
import { Model, type ModelOptions } from "./model.ts";
import { parseTaperConfig, type TaperConfig } from "./taper-config.ts";
import { loadTokenizer } from "./tokenizer/load.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

export interface LoadOptions extends ModelOptions {
  /** Where to compute. Default "auto": the fastest on this CPU. A backend object is disposed together with the model. */
  readonly backend?: BackendName | InferenceBackend | undefined;
  /** At most so many threads. The backends of this version use one. */
  readonly threads?: number | undefined;
}

const optionNames = ["backend", "threads", "tokenBudget"];

/**
 * Loads `config.json`, `model.safetensors`, the tokenizer's files and, if there is one, `taperbert.json` from a directory.
 * Throws ERR_FILE, ERR_CONFIG, ERR_CHECKPOINT, ERR_VOCABULARY, ERR_OPTION or ERR_BACKEND; nothing stays allocated then.
 */
export async function loadModel(directory: string, options: LoadOptions = {}): Promise<Model> {
  refuseUnknown(options, optionNames, "loadModel()");
  checkCount(options.threads, "threads");
  checkCount(options.tokenBudget, "tokenBudget");
  const { config, taper } = await readConfigs(directory);
  const checkpoint = await readCheckpoint(directory);
  const tokenizer = await loadTokenizer(directory);
  if (tokenizer.vocabulary.length > config.vocabulary) {
    throw new TaperError(
      "ERR_VOCABULARY",
      `${directory}: the vocabulary has ${tokenizer.vocabulary.length} tokens, config.json's vocab_size is ${config.vocabulary}; they are not of one model.`,
    );
  }
  const { backend } = await chooseBackend(options.backend ?? "auto");
  return assemble(config, taper, checkpoint, backend, tokenizer, options);
}

/** The same from parts that are in memory already. `taper` absent: a dense model. */
export function assemble(
  config: BertConfig,
  taper: TaperConfig,
  checkpoint: Checkpoint,
  backend: InferenceBackend,
  tokenizer?: Tokenizer,
  options: ModelOptions = {},
): Model {
  try {
    return new Model(buildBert(config, taper, checkpointSource(checkpoint, backend)), backend, tokenizer, options);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** `config.json` and `taperbert.json` of a model directory, checked. */
export async function readConfigs(directory: string): Promise<{ config: BertConfig; taper: TaperConfig }> {
  const configFile = `${directory}/config.json`;
  const config = parseConfig(await readJson(configFile), configFile);
  const taperFile = `${directory}/taperbert.json`;
  const json = await readJson(taperFile, { optional: true });
  return { config, taper: json === undefined ? {} : parseTaperConfig(json, config.layers, taperFile) };
}

async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const file = `${directory}/model.safetensors`;
  if (!(await exists(file)) && (await exists(`${directory}/pytorch_model.bin`))) {
    throw new TaperError(
      "ERR_FILE",
      `${directory} has pytorch_model.bin but no model.safetensors. Convert it once in Python: ` +
        `AutoModel.from_pretrained(directory).save_pretrained(directory, safe_serialization=True).`,
    );
  }
  return new Checkpoint(await readSafetensorsFile(file), file);
}

function checkCount(value: unknown, name: string): void {
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 1)) return;
  throw new TaperError("ERR_OPTION", `loadModel(): ${name} must be a whole number from 1; found ${String(value)}.`);
}
