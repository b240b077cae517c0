/**
 * Several safetensors files as one. An index says which tensor is in which file; every file it names lies beside it, and a tensor that
 * is in none, or elsewhere than the index says, is refused before anything is read.
 */
import { show, TaperError } from "./errors.ts";
import type { ModelFiles } from "./model-files.ts";
import type { TensorEntry } from "./safetensors-header.ts";
import { openSafetensors, type TensorFile } from "./safetensors-source.ts";

/** No model is in more pieces; an index that names more is a mistake or an attack on the number of open files. */
const mostShards = 1000;

/** The file of each tensor, from a parsed `model.safetensors.index.json`. Throws ERR_CHECKPOINT. */
export function parseShardIndex(json: unknown, where: string): ReadonlyMap<string, string> {
  const map = typeof json === "object" && json !== null ? (json as Record<string, unknown>).weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new TaperError("ERR_CHECKPOINT", `${where}: "weight_map" must map tensors to files, found ${show(map)}.`);
  }
  const files = new Map<string, string>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== "string" || !/^[\w-][\w.-]{0,199}\.safetensors$/.test(file)) {
      throw new TaperError(
        "ERR_CHECKPOINT",
        `${where}: "weight_map" must name .safetensors files of the same directory; found ${show(file)} for ${show(tensor)}.`,
      );
    }
    files.set(tensor, file);
  }
  const count = new Set(files.values()).size;
  if (count < 1 || count > mostShards) {
    throw new TaperError(
      "ERR_CHECKPOINT",
      `${where}: "weight_map" must name 1 to ${mostShards} files, found ${count}.`,
    );
  }
  return files;
}

/** Opens every file of the index and checks their headers. Throws ERR_FILE or ERR_CHECKPOINT; nothing stays open then. */
export async function openShards(
  files: ModelFiles,
  shardOf: ReadonlyMap<string, string>,
  where: string,
): Promise<TensorFile> {
  const shards = new Map<string, Shard>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map(({ file }) => file.close()));
  };
  try {
    let end = 0;
    for (const name of new Set(shardOf.values())) {
      const source = await files.open(name);
      if (source === undefined) {
        throw new TaperError(
          "ERR_FILE",
          `${files.pathOf(name)} cannot be read: ${where} names it, and it is not there.`,
        );
      }
      const shard = { file: await openSafetensors(source), begin: end, end: end + source.size };
      shards.set(name, shard);
      end = shard.end;
    }
    const entries = new Map<string, TensorEntry>();
    for (const [tensor, name] of shardOf) {
      const { file, begin } = shards.get(name) as Shard;
      const entry = file.entries.get(tensor);
      if (entry === undefined) {
        throw new TaperError(
          "ERR_CHECKPOINT",
          `${where} says that tensor ${show(tensor)} is in ${name}; it is not there. Get both files anew.`,
        );
      }
      entries.set(tensor, { ...entry, begin: begin + entry.begin, end: begin + entry.end });
    }
    const all = [...shards.values()];
    const read: TensorFile["read"] = async (entry, into) => {
      const shard = all.find(({ begin, end }) => entry.begin >= begin && entry.begin < end);
      if (shard === undefined)
        throw new TaperError("ERR_CHECKPOINT", `${where}: a tensor that is in none of its files.`);
      const { file, begin } = shard;
      await file.read({ ...entry, begin: entry.begin - begin, end: entry.end - begin }, into);
    };
    return { where, entries, read, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A file, and the bytes of all files laid end to end that are its. */
interface Shard {
  readonly file: TensorFile;
  readonly begin: number;
  readonly end: number;
}
