/**
 * Tensors from the bytes of a safetensors file, and back. Runs in browsers; `safetensors-source.ts` reads in steps.
 * Values are float32, stored as F32, F16 or BF16, or 8-bit integers, stored as I8; other data types are listed and refused when read.
 * Assumes a little-endian machine, as WebAssembly memory is.
 * Source: https://github.com/huggingface/safetensors#format
 */

import { TaperError } from "./errors.ts";
import { bfloatsToFloats, floatsToBfloats, floatsToHalves, halvesToFloats, LARGEST_HALF } from "./half.ts";
import { headerLength, LENGTH_BYTES, parseHeader, type TensorEntry } from "./safetensors-header.ts";

/** A tensor of a checkpoint. */
export interface StoredTensor {
  /** The data type as the file names it: "F32", "F16", "BF16", "I64", … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /**
   * The values in row-major order. Those of an F32 tensor may share memory with the file's bytes: do not write to them.
   * @throws TaperError ERR_CHECKPOINT if the data type is not F32, F16 or BF16
   */
  read(): Float32Array;
  /**
   * The same of an I8 tensor; they share memory with the file's bytes.
   * @throws TaperError ERR_CHECKPOINT if the data type is another
   */
  readInt8(): Int8Array;
}

/** How a tensor's values are stored. */
export type StoredType = "F32" | "F16" | "BF16";
const valueBytes = { F32: 4, F16: 2, BF16: 2, I8: 1 } as const;

/** A tensor to write, in row-major order. Integers are stored as I8, floats as `dtype` says, or as the options do for all. */
export interface WritableTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array;
  readonly dtype?: StoredType;
}

/** How a checkpoint is written. */
export interface WriteOptions {
  /** How to store floats; F16 and BF16 round to the nearest, ties to even. */
  dtype: StoredType;
  /** Strings to store beside the tensors. */
  metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * The tensors of a safetensors file, by name, in the order of the header. Everything the header says is checked first.
 * @param where the file's name, for errors
 * @throws TaperError ERR_CHECKPOINT if the bytes are truncated or contradict themselves
 */
export function parseSafetensors(bytes: Uint8Array, where: string): Map<string, StoredTensor> {
  const { start, header } = locate(bytes, where);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of header.entries) {
    const data = bytes.subarray(start + entry.begin, start + entry.end);
    tensors.set(name, storedTensor(name, entry, data, where));
  }
  return tensors;
}

/** The strings stored beside the tensors. Throws as `parseSafetensors`. */
export function parseMetadata(bytes: Uint8Array, where: string): ReadonlyMap<string, string> {
  return locate(bytes, where).header.metadata;
}

/** A tensor over its bytes, which are those of its entry. */
export function storedTensor(name: string, entry: TensorEntry, bytes: Uint8Array, where: string): StoredTensor {
  const { dtype, shape } = entry;
  return {
    dtype,
    shape,
    read: () => decode(name, dtype, bytes, where),
    readInt8() {
      if (dtype === "I8") return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      throw unreadable(name, dtype, where, "I8");
    },
  };
}

/**
 * The bytes of a safetensors file with these tensors, in this order. The same input gives the same bytes.
 * @throws TaperError ERR_CHECKPOINT if a shape does not fit its data, or a finite value would be infinite as F16
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  options: WriteOptions,
): Uint8Array<ArrayBuffer> {
  const { metadata } = options;
  const entries: [string, object][] = metadata === undefined ? [] : [["__metadata__", metadata]];
  let dataBytes = 0;
  for (const [name, tensor] of tensors) {
    const { shape, data } = tensor;
    const dtype = data instanceof Int8Array ? "I8" : (tensor.dtype ?? options.dtype);
    checkWritable(name, shape, data, dtype);
    const begin = dataBytes;
    dataBytes += data.length * valueBytes[dtype];
    entries.push([name, { dtype, shape, data_offsets: [begin, dataBytes] }]);
  }
  // Object.fromEntries defines even "__proto__" as a plain property.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Padded with spaces, so that the data is aligned for any reader.
  const start = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  const bytes = new Uint8Array(start + dataBytes).fill(0x20, 0, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  let at = start;
  for (const { data, dtype } of tensors.values()) {
    const encoded = data instanceof Int8Array ? data : encode(data, dtype ?? options.dtype);
    bytes.set(new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength), at);
    at += encoded.byteLength;
  }
  return bytes;
}

function locate(bytes: Uint8Array, where: string) {
  const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.length, where);
  const start = LENGTH_BYTES + length;
  return { start, header: parseHeader(bytes.subarray(LENGTH_BYTES, start), bytes.length - start, where) };
}

function decode(name: string, dtype: string, bytes: Uint8Array, where: string): Float32Array {
  if (dtype === "F32") {
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  }
  if (dtype === "F16" || dtype === "BF16") {
    const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
    const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
    return dtype === "F16" ? halvesToFloats(halves) : bfloatsToFloats(halves);
  }
  throw unreadable(name, dtype, where, "F32, F16 or BF16");
}

/** The data type of a tensor whose values this library can read. Throws ERR_CHECKPOINT for any other. */
export function storedType(name: string, dtype: string, where: string): StoredType {
  if (dtype === "F32" || dtype === "F16" || dtype === "BF16") return dtype;
  throw unreadable(name, dtype, where, "F32, F16 or BF16");
}

function unreadable(name: string, dtype: string, where: string, expected: string): TaperError {
  return new TaperError(
    "ERR_CHECKPOINT",
    `${where}: tensor ${JSON.stringify(name)}: expected values of type ${expected}; found ${dtype}. Convert the checkpoint.`,
  );
}

function encode(data: Float32Array, dtype: StoredType): Float32Array | Uint16Array {
  if (dtype === "F32") return data;
  return dtype === "F16" ? floatsToHalves(data) : floatsToBfloats(data);
}

function checkWritable(
  name: string,
  shape: readonly number[],
  data: Float32Array | Int8Array,
  dtype: StoredType | "I8",
): void {
  const what = `tensor ${JSON.stringify(name)}`;
  const refuse = (expected: string, found: string) =>
    new TaperError("ERR_CHECKPOINT", `${what}: expected ${expected}; found ${found}.`);
  if (name === "__metadata__") throw refuse("a name of its own", "the format's name for metadata");
  if (!shape.every((side) => Number.isSafeInteger(side) && side >= 0))
    throw refuse("a shape of integers from 0", `[${shape}]`);
  const size = shape.reduce((product, side) => product * side, 1);
  if (size !== data.length) throw refuse(`${size} values for shape [${shape}]`, `${data.length}`);
  if (dtype !== "F16") return;
  // Beyond the midpoint to the next power of two, rounding gives infinity.
  const limit = LARGEST_HALF + 16;
  const index = data.findIndex((value) => Math.abs(value) >= limit && Number.isFinite(value));
  if (index >= 0) throw refuse(`values of at most ${LARGEST_HALF} for F16`, `${data[index]} at ${index}`);
}
