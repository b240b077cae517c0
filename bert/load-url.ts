/**
 * A model directory behind a URL, for browsers: the same files as `loadModel` reads, by `fetch`, onto a backend that the caller made.
 * The tokenizer is that of `vocab.txt`; a directory that has only tokenizer.json is for `loadModel`.
 */
import { TaperError } from "../engine/errors.ts";
import { fetchBytes, fetchJson, httpSource } from "../engine/http-source.ts";
import { openSafetensors } from "../engine/safetensors-source.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { buildBert } from "./build.ts";
import { parseConfig } from "./config.ts";
import { Model, type ModelOptions } from "./model.ts";
import { readParameters } from "./read-parameters.ts";
import { parseTaperConfig } from "./taper-config.ts";
import { parseTokenizerConfig, parseVocabularyText } from "./tokenizer/parse.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer/tokenizer.ts";

/**
 * Loads a model from `url`, the address of its directory. The backend is the model's from here on: it is disposed together with it, or
 * when the directory cannot be loaded. Throws ERR_FILE, ERR_CONFIG, ERR_CHECKPOINT, ERR_VOCABULARY or ERR_BACKEND.
 */
export async function loadModelFrom(
  url: string,
  backend: InferenceBackend,
  options: ModelOptions = {},
): Promise<Model> {
  const base = url.replace(/\/*$/, "");
  try {
    const configFile = `${base}/config.json`;
    const config = parseConfig(await fetchJson(configFile), configFile);
    const taperFile = `${base}/taperbert.json`;
    const json = await fetchJson(taperFile, { optional: true });
    const taper = json === undefined ? {} : parseTaperConfig(json, config.layers, taperFile);
    const [tokenizer, file] = await Promise.all([
      fetchTokenizer(base),
      httpSource(`${base}/model.safetensors`).then(openSafetensors),
    ]);
    if (tokenizer.vocabulary.length > config.vocabulary) {
      throw new TaperError(
        "ERR_VOCABULARY",
        `${base}: the vocabulary has ${tokenizer.vocabulary.length} tokens, config.json's vocab_size is ${config.vocabulary}; they are not of one model.`,
      );
    }
    const bert = await readParameters(file, backend, (source) => buildBert(config, taper, source));
    return new Model(bert, backend, tokenizer, options);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

async function fetchTokenizer(base: string): Promise<Tokenizer> {
  const where = `${base}/vocab.txt`;
  const configFile = `${base}/tokenizer_config.json`;
  const [vocabulary, settings] = await Promise.all([fetchBytes(where), fetchBytes(configFile, { optional: true })]);
  const config = settings === undefined ? {} : parseTokenizerConfig(settings, configFile);
  return createTokenizer({
    vocabulary: parseVocabularyText(vocabulary ?? new Uint8Array(0), where),
    lowercase: config.lowercase,
    stripAccents: config.stripAccents,
    isolateIdeographs: config.isolateIdeographs,
    maxLength: config.maxLength,
    where,
  });
}
