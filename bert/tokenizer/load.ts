/**
 * A tokenizer from a model's files: `vocab.txt` (or the vocabulary in `tokenizer.json`) and the settings in
 * `tokenizer_config.json`, under Hugging Face's names. Settings that would need another kind of tokenizer are refused.
 */
import { TaperError } from "../../engine/errors.ts";
import { type ModelFiles, type ModelSource, modelFiles } from "../../engine/model-files.ts";
import { parseByteLevelJson } from "./byte-level-json.ts";
import { parseTokenizerConfig, parseTokenizerJson, parseVocabularyText } from "./parse.ts";
import { createTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";

/** No vocabulary comes near this; a larger file is not one. */
const largestFile = 256 * 1024 * 1024;

/**
 * The tokenizer of a model: of a directory, of a URL, or of files at hand.
 * @throws TaperError ERR_FILE if neither vocabulary file is there; ERR_VOCABULARY or ERR_CONFIG if one cannot be used
 */
export async function loadTokenizer(source: ModelSource): Promise<Tokenizer> {
  return tokenizerIn(await modelFiles(source));
}

/** The tokenizer among a model's files; throws as `loadTokenizer`. */
export async function tokenizerIn(files: ModelFiles): Promise<Tokenizer> {
  const read = await readFiles(files);
  const { vocabularyBytes, jsonBytes, config } = read;
  if (vocabularyBytes === undefined && jsonBytes !== undefined) {
    const where = files.pathOf("tokenizer.json");
    const byteLevel = parseByteLevelJson(jsonBytes, where);
    if (byteLevel !== undefined) {
      const { createByteLevelTokenizer } = await import("./byte-level.ts");
      return createByteLevelTokenizer(byteLevel, config.maxLength ?? Number.POSITIVE_INFINITY, where);
    }
  }
  return createTokenizer(optionsOf(files, read));
}

/** What `loadTokenizer` makes a WordPiece tokenizer of. Throws as it does, and ERR_VOCABULARY for another kind. */
export async function readTokenizerOptions(source: ModelSource): Promise<TokenizerOptions> {
  const files = await modelFiles(source);
  return optionsOf(files, await readFiles(files));
}

type Read = Awaited<ReturnType<typeof readFiles>>;

async function readFiles(files: ModelFiles) {
  const read = (name: string): Promise<Uint8Array | undefined> => files.bytes(name, largestFile);
  const configBytes = await read("tokenizer_config.json");
  const config =
    configBytes === undefined ? {} : parseTokenizerConfig(configBytes, files.pathOf("tokenizer_config.json"));
  const vocabularyBytes = await read("vocab.txt");
  // An older directory says only in tokenizer.json whether it lowercases.
  const needsJson = vocabularyBytes === undefined || config.lowercase === undefined;
  const jsonBytes = needsJson ? await read("tokenizer.json") : undefined;
  return { config, vocabularyBytes, jsonBytes };
}

function optionsOf(files: ModelFiles, { config, vocabularyBytes, jsonBytes }: Read): TokenizerOptions {
  const [vocabularyPath, jsonPath] = [files.pathOf("vocab.txt"), files.pathOf("tokenizer.json")];
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
