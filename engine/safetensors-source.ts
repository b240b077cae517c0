/**
 * A safetensors file read in steps, from wherever its bytes come: the header first, and data only once the header fits the file's size.
 * Runs in browsers; `safetensors-file.ts` has the files.
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
