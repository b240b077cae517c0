/**
 * How a sentence embedder makes one vector of a text's states: pooling and normalisation, as sentence-transformers writes them
 * (`modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json`). Anything that would give other vectors is refused.
 * Source: https://sbert.net/docs/sentence_transformer/usage/custom_models.html
 */
import { show, TaperError } from "../engine/errors.ts";
import { type ModelFiles, readJsonFile } from "../engine/model-files.ts";

export type Pooling = "mean" | "cls";

export interface SentenceConfig {
  readonly pooling: Pooling;
  /** Vectors of length 1. */
  readonly normalize: boolean;
  /** Tokens to which a text is cut; absent: what the model reads. */
  readonly maxLength?: number;
}

const poolingModes: Readonly<Record<string, Pooling>> = {
  pooling_mode_mean_tokens: "mean",
  pooling_mode_cls_token: "cls",
};

/** What the files say of it; undefined if they say nothing. Throws ERR_CONFIG. */
export async function readSentenceConfig(files: ModelFiles): Promise<SentenceConfig | undefined> {
  const where = files.pathOf("modules.json");
  const modules = await readJsonFile(files, "modules.json", { optional: true });
  if (modules === undefined) return undefined;
  if (!Array.isArray(modules)) {
    throw new TaperError("ERR_CONFIG", `${where}: expected a list of modules, found ${show(modules)}.`);
  }
  let pooling: Pooling = "mean";
  let normalize = false;
  for (const module of modules as unknown[]) {
    const { type, path } = (module ?? {}) as Record<string, unknown>;
    const kind = typeof type === "string" ? type.split(".").at(-1) : undefined;
    if (kind === "Transformer") continue;
    if (kind === "Normalize") normalize = true;
    else if (kind === "Pooling") pooling = await readPooling(files, path, where);
    else {
      throw new TaperError(
        "ERR_CONFIG",
        `${where}: module ${show(module)}; this library computes Transformer, Pooling and Normalize only.`,
      );
    }
  }
  const maxLength = await readMaxLength(files);
  return { pooling, normalize, ...(maxLength !== undefined && { maxLength }) };
}

/** The names of the files that say it, without those that are not there. Throws as `readSentenceConfig`. */
export async function sentenceFiles(files: ModelFiles): Promise<string[]> {
  if ((await readSentenceConfig(files)) === undefined) return [];
  const modules = (await readJsonFile(files, "modules.json")) as { readonly path?: unknown }[];
  const names = ["modules.json", "sentence_bert_config.json", ...modules.map(({ path }) => `${path}/config.json`)];
  const present = await Promise.all(names.map((name) => files.has(name)));
  return names.filter((_, i) => present[i]);
}

async function readPooling(files: ModelFiles, path: unknown, where: string): Promise<Pooling> {
  if (typeof path !== "string" || !/^\w[\w.-]{0,99}$/.test(path)) {
    throw new TaperError("ERR_CONFIG", `${where}: "path" must name a folder beside it, found ${show(path)}.`);
  }
  const name = `${path}/config.json`;
  const config = ((await readJsonFile(files, name)) ?? {}) as Record<string, unknown>;
  const modes = Object.keys(config).filter((key) => key.startsWith("pooling_mode_") && config[key] === true);
  if (modes.length === 1 && Object.hasOwn(poolingModes, modes[0])) return poolingModes[modes[0]];
  throw new TaperError(
    "ERR_CONFIG",
    `${files.pathOf(name)}: expected one of ${Object.keys(poolingModes).join(", ")} to be true, found ${show(modes)}.`,
  );
}

async function readMaxLength(files: ModelFiles): Promise<number | undefined> {
  const config = await readJsonFile(files, "sentence_bert_config.json", { optional: true });
  const length = ((config ?? {}) as Record<string, unknown>).max_seq_length;
  if (length === undefined || length === null) return undefined;
  if (typeof length === "number" && Number.isSafeInteger(length) && length >= 3) return length;
  throw new TaperError(
    "ERR_CONFIG",
    `${files.pathOf("sentence_bert_config.json")}: "max_seq_length" must be a whole number from 3, found ${show(length)}.`,
  );
}
