/** Safetensors files on a disk, as sources of bytes and as tensors. Node only; its modules are asked for, see directory-files.ts. */
import type { ByteSource } from "./byte-source.ts";
import { TaperError } from "./errors.ts";
import type { StoredTensor } from "./safetensors.ts";
import { openSafetensors, readTensor } from "./safetensors-source.ts";

/** The most to ask of the file system in one call: small enough for all of its threads to have a share of a large tensor. */
const CHUNK_BYTES = 1 << 23;

/**
 * The tensors of a file, by name. Every tensor's bytes are an allocation of their own, so a tensor that is dropped is freed.
 * @throws TaperError ERR_FILE if the file cannot be read; ERR_CHECKPOINT if it is truncated or contradicts itself
 */
export async function readSafetensorsFile(path: string): Promise<Map<string, StoredTensor>> {
  const file = await openSafetensors(await fileSource(path));
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of file.entries) tensors.set(name, await readTensor(file, name, entry));
    return tensors;
  } finally {
    await file.close();
  }
}

/** A file as a source of bytes; errors call it `where`. Throws ERR_FILE. */
export async function fileSource(path: string, where = path): Promise<ByteSource> {
  const unreadable = (error: unknown): TaperError =>
    new TaperError("ERR_FILE", `${where} cannot be read: ${(error as Error).message}`, { cause: error });
  const { read } = process.getBuiltinModule("node:fs");
  const { open } = process.getBuiltinModule("node:fs/promises");
  const file = await open(path, "r").catch((error) => {
    throw unreadable(error);
  });
  const chunk = (into: Uint8Array, position: number): Promise<number> =>
    new Promise((resolve, reject) => {
      // Not file.read(), which costs several times as much for each of a few hundred small tensors.
      read(file.fd, into, 0, into.length, position, (error, count) =>
        error ? reject(unreadable(error)) : resolve(count),
      );
    });
  const whole = async (into: Uint8Array, position: number): Promise<void> => {
    for (let done = 0; done < into.length; ) {
      const count = await chunk(into.subarray(done), position + done);
      if (count === 0) {
        throw new TaperError(
          "ERR_CHECKPOINT",
          `${where}: expected ${into.length} bytes at ${position}; the file became shorter.`,
        );
      }
      done += count;
    }
  };
  const { size } = await file.stat();
  return {
    where,
    size,
    async read(into, position) {
      const parts: Promise<void>[] = [];
      for (let at = 0; at < into.length; at += CHUNK_BYTES) {
        parts.push(whole(into.subarray(at, at + CHUNK_BYTES), position + at));
      }
      // All of them, whatever becomes of one: nothing may be written to `into` once this has failed.
      const failed = (await Promise.allSettled(parts)).find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
    close: () => file.close(),
  };
}
