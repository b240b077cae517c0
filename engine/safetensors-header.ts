/**
 * The header of a safetensors file, checked to the last byte before any tensor is touched: a file that lies about a size,
 * an offset or a name is refused here. It reads no tensor data.
 * Source: https://github.com/huggingface/safetensors#format
 */

import { show, TaperError } from "./errors.ts";

/** Bytes of the header's length, at the very beginning of the file. */
export const LENGTH_BYTES = 8;

/** The format's own limit on the header. */
const LARGEST_HEADER = 100_000_000;

/** Bytes per value. A data type that is not here is listed but its size cannot be checked. */
const VALUE_BYTES: ReadonlyMap<string, number> = new Map([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
  ["F8_E4M3", 1],
  ["F8_E5M2", 1],
  ["I64", 8],
  ["I32", 4],
  ["I16", 2],
  ["I8", 1],
  ["U64", 8],
  ["U32", 4],
  ["U16", 2],
  ["U8", 1],
  ["BOOL", 1],
]);

/** Where a tensor lies: `begin` to `end`, in bytes after the header. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** The length of the JSON header, from the first bytes of a file of `fileBytes` bytes. Throws ERR_CHECKPOINT. */
export function headerLength(firstBytes: Uint8Array, fileBytes: number, where: string): number {
  if (firstBytes.length < LENGTH_BYTES) {
    throw refuse(where, "the file", `at least ${LENGTH_BYTES} bytes`, `${firstBytes.length}`);
  }
  if (new TextDecoder().decode(firstBytes.subarray(0, LENGTH_BYTES)) === "version ") {
    throw refuse(where, "the file", "tensors", "a pointer of Git LFS; run git lfs pull where it came from");
  }
  const length = new DataView(firstBytes.buffer, firstBytes.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > LARGEST_HEADER) {
    throw refuse(where, "the header", `at most ${LARGEST_HEADER} bytes`, `a length of ${length}: no safetensors file`);
  }
  if (Number(length) > fileBytes - LENGTH_BYTES) {
    throw refuse(where, "the header", `${length} bytes`, `${fileBytes - LENGTH_BYTES}: the file is truncated`);
  }
  return Number(length);
}

/** The tensors that a JSON header tells of, for `dataBytes` bytes of data after it. Throws ERR_CHECKPOINT. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, where: string): SafetensorsHeader {
  const [json, value] = parseJson(bytes, where);
  const entries = new Map<string, TensorEntry>();
  const metadata = new Map<string, string>();
  const seen = new Set<string>();
  for (const name of topLevelKeys(json)) {
    if (seen.has(name)) throw refuse(where, `tensor ${quote(name)}`, "every name once", "it twice");
    seen.add(name);
    if (name === "__metadata__") readMetadata(value[name], metadata, where);
    else entries.set(name, parseEntry(value[name], `tensor ${quote(name)}`, dataBytes, where));
  }
  checkCoverage(entries, dataBytes, where);
  return { entries, metadata };
}

function parseJson(bytes: Uint8Array, where: string): [string, Record<string, unknown>] {
  let json: string;
  let value: unknown;
  try {
    json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(json);
  } catch (error) {
    throw refuse(where, "the header", "JSON in UTF-8", (error as Error).message, error);
  }
  if (!isObject(value)) throw refuse(where, "the header", "a JSON object", show(value));
  return [json, value];
}

function parseEntry(value: unknown, what: string, dataBytes: number, where: string): TensorEntry {
  if (!isObject(value)) throw refuse(where, what, "an object", show(value));
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") throw refuse(where, `${what}: dtype`, "a string", show(dtype));
  if (!isSizes(shape)) throw refuse(where, `${what}: shape`, "a list of integers from 0", show(shape));
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw refuse(where, `${what}: data_offsets`, "two integers from 0", show(offsets));
  }
  const [begin, end] = offsets;
  if (begin > end) throw refuse(where, `${what}: data_offsets`, "begin ≤ end", show(offsets));
  if (end > dataBytes) {
    throw refuse(where, what, `data up to byte ${end}`, `${dataBytes} bytes of data: the file is truncated or lies`);
  }
  const valueBytes = VALUE_BYTES.get(dtype);
  const bytes = shape.reduce((product, side) => product * side, valueBytes ?? 0);
  if (valueBytes !== undefined && bytes !== end - begin) {
    throw refuse(where, what, `${bytes} bytes for ${dtype} [${shape.slice(0, 8)}]`, `${end - begin}`);
  }
  return { dtype, shape, begin, end };
}

/** Tensors must fill the data from its first byte to its last, without overlap and without holes. */
function checkCoverage(entries: ReadonlyMap<string, TensorEntry>, dataBytes: number, where: string): void {
  let reached = 0;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== reached) {
      const found = begin < reached ? `byte ${begin}: it overlaps another tensor` : `byte ${begin}: a hole before it`;
      throw refuse(where, `tensor ${quote(name)}`, `its data at byte ${reached}`, found);
    }
    reached = end;
  }
  if (reached !== dataBytes) {
    throw refuse(where, "the file", `${reached} bytes of tensor data, as the header says`, `${dataBytes}`);
  }
}

function readMetadata(value: unknown, metadata: Map<string, string>, where: string): void {
  if (!isObject(value)) throw refuse(where, "__metadata__", "an object", show(value));
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw refuse(where, `__metadata__ ${quote(key)}`, "a string", show(text));
    metadata.set(key, text);
  }
}

/**
 * The keys of a JSON object as written, in order: JSON.parse keeps only the last of two equal ones.
 * Expects text that JSON.parse has accepted as an object.
 */
function topLevelKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let text = "";
  for (let i = 0; i < json.length; i++) {
    const mark = json[i];
    if (mark === '"') {
      const start = i++;
      while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      if (depth === 1) text = json.slice(start, i + 1);
    } else if (mark === "{" || mark === "[") depth++;
    else if (mark === "}" || mark === "]") depth--;
    else if (mark === ":" && depth === 1) keys.push(JSON.parse(text) as string);
  }
  return keys;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((side) => Number.isSafeInteger(side) && side >= 0);
}

function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
}

function refuse(where: string, what: string, expected: string, found: string, cause?: unknown): TaperError {
  return new TaperError("ERR_CHECKPOINT", `${where}: ${what}: expected ${expected}; found ${found}.`, { cause });
}
