/**
 * A safetensors file read in two steps: the header first, and the data only once the header fits the file's size.
 * Node only.
 */

import { type FileHandle, open } from "node:fs/promises";
import { TaperError } from "./errors.ts";
import { type StoredTensor, storedTensor } from "./safetensors.ts";
import { headerLength, LENGTH_BYTES, parseHeader } from "./safetensors-header.ts";

/** The most to ask of the file system in one call. */
const CHUNK_BYTES = 1 << 28;

/**
 * The tensors of a file, by name. Every tensor's bytes are an allocation of their own, so a tensor that is dropped is freed.
 * @throws TaperError ERR_FILE if the file cannot be read; ERR_CHECKPOINT if it is truncated or contradicts itself
 */
export async function readSafetensorsFile(path: string): Promise<Map<string, StoredTensor>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { size } = await file.stat();
    const length = headerLength(await readRange(file, 0, Math.min(size, LENGTH_BYTES), path), size, path);
    const start = LENGTH_BYTES + length;
    const { entries } = parseHeader(await readRange(file, LENGTH_BYTES, length, path), size - start, path);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of entries) {
      const bytes = await readRange(file, start + entry.begin, entry.end - entry.begin, path);
      tensors.set(name, storedTensor(name, entry, bytes, path));
    }
    return tensors;
  } catch (error) {
    if (error instanceof TaperError) throw error;
    throw new TaperError("ERR_FILE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  } finally {
    await file?.close();
  }
}

async function readRange(file: FileHandle, position: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(CHUNK_BYTES, length - done), position + done);
    if (bytesRead === 0) {
      throw new TaperError(
        "ERR_CHECKPOINT",
        `${path}: expected ${length} bytes at ${position}; the file became shorter.`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}
