/**
 * A safetensors file read in steps: the header first, and data only once the header fits the file's size. `openSafetensors` runs
 * wherever there is a source of bytes (byte-source.ts); `readSafetensorsFile` needs Node.
 */
import type { ByteSource } from "./byte-source.ts";
import { type StoredTensor, storedTensor } from "./safetensors.ts";
import { headerLength, LENGTH_BYTES, parseHeader, type TensorEntry } from "./safetensors-header.ts";

/** A safetensors file whose header has been read and checked. */
export interface TensorFile {
  readonly where: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Fills `into` with the bytes of a tensor, which are as many. */
  read(entry: TensorEntry, into: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Reads and checks the header; closes the source if that fails. Throws ERR_FILE, or ERR_CHECKPOINT for a header that lies. */
export async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const { where, size } = source;
  try {
    const length = headerLength(await bytesOf(source, 0, Math.min(size, LENGTH_BYTES)), size, where);
    const start = LENGTH_BYTES + length;
    const { entries } = parseHeader(await bytesOf(source, LENGTH_BYTES, length), size - start, where);
    return {
      where,
      entries,
      read: (entry, into) => source.read(into, start + entry.begin),
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * The tensors of a file, by name. Every tensor's bytes are an allocation of their own, so a tensor that is dropped is freed.
 * @throws TaperError ERR_FILE if the file cannot be read; ERR_CHECKPOINT if it is truncated or contradicts itself
 */
export async function readSafetensorsFile(path: string): Promise<Map<string, StoredTensor>> {
  const { fileSource } = await import("./file-source.ts");
  const file = await openSafetensors(await fileSource(path));
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of file.entries) tensors.set(name, await readTensor(file, name, entry));
    return tensors;
  } finally {
    await file.close();
  }
}

/** A tensor with its bytes. */
export async function readTensor(file: TensorFile, name: string, entry: TensorEntry): Promise<StoredTensor> {
  const bytes = new Uint8Array(entry.end - entry.begin);
  await file.read(entry, bytes);
  return storedTensor(name, entry, bytes, file.where);
}

async function bytesOf(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await source.read(bytes, position);
  return bytes;
}
