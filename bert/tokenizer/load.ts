/**
 * A tokenizer from a model directory: `vocab.txt` (or the vocabulary in `tokenizer.json`) and the settings in
 * `tokenizer_config.json`, under Hugging Face's names. Settings that would need another kind of tokenizer are refused.
 */

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { TaperError } from "../../engine/errors.ts";
import { parseTokenizerConfig, parseTokenizerJson, parseVocabularyText } from "./parse.ts";
import { createTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";

/** No vocabulary comes near this; a larger file is not one. */
const LARGEST_FILE = 256 * 1024 * 1024;

/**
 * The tokenizer of a model directory.
 * @throws TaperError ERR_FILE if neither vocabulary file is there; ERR_VOCABULARY or ERR_CONFIG if one cannot be used
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  return createTokenizer(await readTokenizerOptions(directory));
}

/** What `loadTokenizer` makes its tokenizer of. Throws as it does. */
export async function readTokenizerOptions(directory: string): Promise<TokenizerOptions> {
  const vocabularyPath = join(directory, "vocab.txt");
  const jsonPath = join(directory, "tokenizer.json");
  const configPath = join(directory, "tokenizer_config.json");
  const configBytes = await readIfThere(configPath);
  const config = configBytes === undefined ? {} : parseTokenizerConfig(configBytes, configPath);
  const vocabularyBytes = await readIfThere(vocabularyPath);
  // An older directory says only in tokenizer.json whether it lowercases.
  const needsJson = vocabularyBytes === undefined || config.lowercase === undefined;
  const jsonBytes = needsJson ? await readIfThere(jsonPath) : undefined;
  const json = jsonBytes === undefined ? undefined : parseTokenizerJson(jsonBytes, jsonPath);

  const vocabulary =
    vocabularyBytes === undefined ? json?.vocabulary : parseVocabularyText(vocabularyBytes, vocabularyPath);
  if (vocabulary === undefined) {
    throw new TaperError(
      "ERR_FILE",
      `${directory}: expected a vocabulary, vocab.txt or tokenizer.json; found neither. Copy it from where the checkpoint came from.`,
    );
  }
  return {
    vocabulary,
    lowercase: config.lowercase ?? json?.lowercase,
    stripAccents: config.stripAccents ?? json?.stripAccents,
    isolateIdeographs: config.isolateIdeographs ?? json?.isolateIdeographs,
    maxLength: config.maxLength,
    addedTokens: vocabularyBytes === undefined ? json?.addedTokens : undefined,
    where: vocabularyBytes === undefined ? jsonPath : vocabularyPath,
  };
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE) {
      throw new TaperError("ERR_FILE", `${path}: expected at most ${LARGEST_FILE} bytes, found ${size}.`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof TaperError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new TaperError("ERR_FILE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
