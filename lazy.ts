/**
 * The doors of the default import path that load what is behind them when they are first opened: importing the package costs little,
 * whatever is used of it. Each is the function of the same name in its room.
 */
import type { LoadOptions } from "./bert/load.ts";
import type { Model } from "./bert/model.ts";
import type { Tokenizer } from "./bert/tokenizer/tokenizer.ts";
import type { ModelSource } from "./engine/model-files.ts";

/**
 * Loads `config.json`, `model.safetensors` (or its shards), the tokenizer's files and, if there is one, `taperbert.json`: from a
 * directory, from a URL, or from files at hand. Nothing outside of the directory is read.
 * Throws ERR_FILE, ERR_CONFIG, ERR_CHECKPOINT, ERR_VOCABULARY, ERR_OPTION or ERR_BACKEND; nothing stays allocated then.
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return (await import("./bert/load.ts")).loadModel(source, options);
}

/**
 * The tokenizer of a model: of a directory, of a URL, or of files at hand.
 * @throws TaperError ERR_FILE if neither vocabulary file is there; ERR_VOCABULARY or ERR_CONFIG if one cannot be used
 */
export async function loadTokenizer(source: ModelSource): Promise<Tokenizer> {
  return (await import("./bert/tokenizer/load.ts")).loadTokenizer(source);
}
