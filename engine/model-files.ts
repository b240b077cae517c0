/**
 * The files of a model by name, wherever they are: a directory, a web server, or bytes at hand. It knows no format and reads nothing
 * that is not asked for. Directories need Node, and only they load it.
 */
import type { ByteSource } from "./byte-source.ts";
import { show, TaperError } from "./errors.ts";

/** File names ("config.json", "1_Pooling/config.json") to their bytes. */
export type FileBytes = Readonly<Record<string, Uint8Array>>;

/** A directory's path, an http(s) or file URL of one, or its files. In a browser a string is a URL, relative to the page. */
export type ModelSource = string | URL | FileBytes | Readonly<Record<string, ArrayBuffer>>;

export interface ModelFiles {
  /** What errors call all of it. */
  readonly where: string;
  /** What errors call one of them. */
  pathOf(name: string): string;
  has(name: string): Promise<boolean>;
  /** Why a file that a model cannot do without is not there, and what to do: the end of a sentence. */
  absence(name: string): Promise<string>;
  /** A file of at most `most` bytes, or undefined if there is none. Throws ERR_FILE. */
  bytes(name: string, most: number): Promise<Uint8Array | undefined>;
  /** A file to be read in pieces, or undefined if there is none. Throws ERR_FILE. */
  open(name: string): Promise<ByteSource | undefined>;
}

/** No configuration comes near this; a larger file is not one. */
const largestJson = 16 * 1024 * 1024;

/** Throws ERR_OPTION for anything that is no source. */
export async function modelFiles(source: ModelSource): Promise<ModelFiles> {
  if (
    source instanceof URL ||
    (typeof source === "string" && (/^(https?|file):/i.test(source) || (source && !isNode())))
  ) {
    const url = source instanceof URL ? source : new URL(source, globalThis.location?.href);
    if (url.protocol !== "file:" || !isNode()) return (await import("./url-files.ts")).urlFiles(url);
    return modelFiles(process.getBuiltinModule("node:url").fileURLToPath(url));
  }
  if (typeof source === "string" && source !== "") {
    return (await import("./directory-files.ts")).directoryFiles(source);
  }
  if (isPlainObject(source)) return memoryFiles(source);
  const given: unknown = source;
  const found = typeof given === "object" && given !== null ? `a ${given.constructor.name}` : show(given);
  throw new TaperError(
    "ERR_OPTION",
    `a model's source: expected the path of its directory, a URL, or an object of file names and their bytes; found ${found}.`,
  );
}

function isNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}

function isPlainObject(source: unknown): source is object {
  if (typeof source !== "object" || source === null) return false;
  const prototype = Object.getPrototypeOf(source);
  // Of another realm (a worker's message, a sandbox), Object.prototype is another object.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Throws ERR_OPTION for an entry that is no bytes. */
function memoryFiles(given: object): ModelFiles {
  const files = new Map<string, Uint8Array>();
  for (const [name, bytes] of Object.entries(given)) {
    if (bytes instanceof Uint8Array) files.set(name, bytes);
    else if (bytes instanceof ArrayBuffer) files.set(name, new Uint8Array(bytes));
    else throw new TaperError("ERR_OPTION", `a model's files: "${name}": expected a Uint8Array, found ${show(bytes)}.`);
  }
  const find = (name: string): Uint8Array | undefined => files.get(name);
  return {
    where: "the files given",
    pathOf: (name) => name,
    has: async (name) => find(name) !== undefined,
    absence: async () => `it is not among the files given: ${[...files.keys()].join(", ") || "there are none"}`,
    async bytes(name, most) {
      const bytes = find(name);
      if (bytes !== undefined) checkSize(bytes.length, most, name);
      return bytes;
    },
    async open(name) {
      const bytes = find(name);
      return bytes && bytesSource(bytes, name);
    },
  };
}

/** Bytes at hand as a source of bytes. */
export function bytesSource(bytes: Uint8Array, where: string): ByteSource {
  return {
    where,
    size: bytes.length,
    async read(into, position) {
      if (position + into.length > bytes.length) {
        throw new TaperError(
          "ERR_CHECKPOINT",
          `${where}: expected ${into.length} bytes at ${position}; there are ${bytes.length} in all.`,
        );
      }
      into.set(bytes.subarray(position, position + into.length));
    },
    close: async () => undefined,
  };
}

/** Throws ERR_FILE if a file is larger than its kind ever is. */
export function checkSize(size: number, most: number, path: string): void {
  if (size <= most) return;
  throw new TaperError("ERR_FILE", `${path}: expected at most ${most} bytes, found ${size}.`);
}

/** What to throw where a model lacks a file that it needs. */
export async function missingFile(files: ModelFiles, name: string): Promise<TaperError> {
  return new TaperError("ERR_FILE", `${files.pathOf(name)} cannot be read: ${await files.absence(name)}.`);
}

/** A parsed JSON file. Throws ERR_FILE if it is missing (unless `optional`: undefined), too large, or no JSON. */
export async function readJsonFile(
  files: ModelFiles,
  name: string,
  { optional = false, most = largestJson } = {},
): Promise<unknown> {
  const bytes = await files.bytes(name, most);
  if (bytes === undefined) {
    if (optional) return undefined;
    throw await missingFile(files, name);
  }
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new TaperError("ERR_FILE", `${files.pathOf(name)} is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
