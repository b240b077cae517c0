/**
 * A tokenizer from a model's files: `vocab.txt` (or the vocabulary in `tokenizer.json`) and the settings in
 * `tokenizer_config.json`, under Hugging Face's names. Settings that would need another kind of tokenizer are refused.
 */
import { TaperError } from "../../engine/errors.ts";
<<<<<<< HEAD
import { type ModelFiles, type ModelSource, modelFiles } from "../../engine/model-files.ts";
import {
  parseByteLevelJson,
  parseObject,
  parseTokenizerConfig,
  parseTokenizerJson,
  parseVocabularyText,
} from "./parse.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";
=======
import { parseTokenizerConfig, parseTokenizerJson, parseVocabularyText } from "./parse.ts";
import { createTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
>>>>>>> main

/** No vocabulary comes near this; a larger file is not one. */
const largestFile = 256 * 1024 * 1024;

/**
 * The tokenizer of a model: of a directory, of a URL, or of files at hand.
 * @throws TaperError ERR_FILE if neither vocabulary file is there; ERR_VOCABULARY or ERR_CONFIG if one cannot be used
 */
<<<<<<< HEAD
export async function loadTokenizer(source: ModelSource): Promise<Tokenizer> {
  return tokenizerIn(await modelFiles(source));
}

/** The tokenizer among a model's files; throws as `loadTokenizer`. */
export async function tokenizerIn(files: ModelFiles): Promise<Tokenizer> {
  const read = (name: string): Promise<Uint8Array | undefined> => files.bytes(name, largestFile);
  const [vocabularyPath, jsonPath] = [files.pathOf("vocab.txt"), files.pathOf("tokenizer.json")];
  const configPath = files.pathOf("tokenizer_config.json");
  const configBytes = await read("tokenizer_config.json");
=======
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  return createTokenizer(await readTokenizerOptions(directory));
}

/** What `loadTokenizer` makes its tokenizer of. Throws as it does. */
export async function readTokenizerOptions(directory: string): Promise<TokenizerOptions> {
  const vocabularyPath = join(directory, "vocab.txt");
  const jsonPath = join(directory, "tokenizer.json");
  const configPath = join(directory, "tokenizer_config.json");
  const configBytes = await readIfThere(configPath);
>>>>>>> main
  const config = configBytes === undefined ? {} : parseTokenizerConfig(configBytes, configPath);
  const vocabularyBytes = await read("vocab.txt");
  // An older directory says only in tokenizer.json whether it lowercases.
  const needsJson = vocabularyBytes === undefined || config.lowercase === undefined;
  const jsonBytes = needsJson ? await read("tokenizer.json") : undefined;
  if (vocabularyBytes === undefined && jsonBytes !== undefined) {
    const byteLevel = parseByteLevelJson(jsonBytes, jsonPath);
    if (byteLevel !== undefined) {
      const { createByteLevelTokenizer } = await import("./byte-level.ts");
      const settings = configBytes === undefined ? {} : parseObject(configBytes, configPath, "ERR_CONFIG");
      return createByteLevelTokenizer(byteLevel, settings, config.maxLength ?? Number.POSITIVE_INFINITY, jsonPath);
    }
  }
  const json = jsonBytes === undefined ? undefined : parseTokenizerJson(jsonBytes, jsonPath);

  const vocabulary =
    vocabularyBytes === undefined ? json?.vocabulary : parseVocabularyText(vocabularyBytes, vocabularyPath);
  if (vocabulary === undefined) {
    throw new TaperError(
      "ERR_FILE",
      `${files.where}: expected a vocabulary, vocab.txt or tokenizer.json; found neither. Copy it from where the checkpoint came from.`,
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
