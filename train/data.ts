/**
 * Labelled texts from files: TSV with a header, JSON lines, or plain text with a text per line; each also gzipped.
 * A row that is not what its format says is refused with its number; nothing is guessed, repaired or left out silently.
 */

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { refuseUnknown, TaperError } from "../engine/errors.ts";

/** A text or a pair of texts, with its label if the file has one. */
export interface TextRow {
  readonly text: string | [first: string, second: string];
  /** The index of the class, from 0. */
  readonly label?: number;
  /** The line of the file, from 1 (a TSV file's header is line 1). */
  readonly row: number;
}

/** A header and tab-separated columns, a JSON object a line, or a text a line. */
export type TextFormat = "tsv" | "jsonl" | "txt";

/** How much of a file to read, and as what. */
export interface ReadOptions {
  /** The format; default: what the file's name ends in (.tsv, .jsonl or .txt, then perhaps .gz). */
  format?: TextFormat | undefined;
  /** Read at most this many rows from the beginning; default all. */
  limit?: number | undefined;
}

/** Names of the column or key of the text, the second text of a pair, and the label. Others are ignored. */
const TEXT_NAMES = ["sentence", "text", "sentence1"];
const SECOND_NAMES = ["sentence2", "text_pair"];
const LABEL_NAME = "label";

/** A gzipped file that unpacks to more than this is refused instead of filling the memory. */
const LARGEST_UNPACKED = 2 ** 31 - 1;

/** Takes one line apart, or answers undefined for a line without a row. Throws a plain reason. */
type LineReader = (line: string) => Omit<TextRow, "row"> | undefined;

/** What is wrong with a line; `parseTexts` adds the file and the row. */
class BadRow extends Error {}

/**
 * The rows of a data file.
 * @throws TaperError ERR_FILE if the file cannot be read; ERR_DATA for a bad row, with its number and the reason;
 *   ERR_OPTION for an unknown option or a file name that tells no format
 */
export async function readTexts(path: string, options: ReadOptions = {}): Promise<TextRow[]> {
  refuseUnknown(options, ["format", "limit"], "readTexts");
  const { limit } = options;
  if (limit !== undefined && !(Number.isInteger(limit) && limit >= 0) && limit !== Number.POSITIVE_INFINITY) {
    throw new TaperError("ERR_OPTION", `readTexts: limit: expected an integer from 0; found ${limit}.`);
  }
  const format = options.format ?? formatOf(path);
  return parseTexts(await readUnpacked(path), format, path, limit);
}

/** The rows of a data file in memory; `where` is its name in errors. Throws as `readTexts`. */
export function parseTexts(
  bytes: Uint8Array,
  format: TextFormat,
  where: string,
  limit = Number.POSITIVE_INFINITY,
): TextRow[] {
  const rows: TextRow[] = [];
  let read: LineReader | undefined;
  let row = 0;
  for (const line of linesOf(bytes, where)) {
    row++;
    try {
      if (format === "tsv" && read === undefined) {
        read = tsvReader(line);
        continue;
      }
      if (rows.length >= limit) break;
      read ??= format === "jsonl" ? readJsonLine : readPlainLine;
      const found = read(line);
      if (found !== undefined) rows.push({ ...found, row });
    } catch (error) {
      if (error instanceof BadRow) throw badRow(where, row, error.message, error);
      throw error;
    }
  }
  if (format === "tsv" && read === undefined) throw badRow(where, 1, "expected a header; found an empty file");
  return rows;
}

/** A reader for the lines below a TSV header. Fields are taken as they are: TSV has no quotation marks. */
function tsvReader(header: string): LineReader {
  const columns = header.split("\t").map((name) => name.trim());
  const first = columns.findIndex((name) => TEXT_NAMES.includes(name));
  const second = columns.findIndex((name) => SECOND_NAMES.includes(name));
  const label = columns.indexOf(LABEL_NAME);
  if (first < 0) {
    throw new BadRow(`expected a header with a column ${TEXT_NAMES.join(" or ")}; found ${show(header)}`);
  }
  return (line) => {
    const fields = line.split("\t");
    if (fields.length !== columns.length) {
      throw new BadRow(
        `expected ${columns.length} fields (${columns.join(", ")}); found ${fields.length}: ${show(line)}`,
      );
    }
    const text: TextRow["text"] = second < 0 ? fields[first] : [fields[first], fields[second]];
    if (label < 0) return { text };
    if (!/^\d{1,9}$/.test(fields[label])) throw badLabel(show(fields[label]));
    return { text, label: Number(fields[label]) };
  };
}

/** A line of JSON: `{ "text": …, "label": … }`; empty lines are no rows. */
function readJsonLine(line: string): ReturnType<LineReader> {
  if (line.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new BadRow(`expected JSON; ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRow(`expected a JSON object; found ${show(line)}`);
  }
  const keys = value as Record<string, unknown>;
  const name = TEXT_NAMES.find((candidate) => Object.hasOwn(keys, candidate));
  if (name === undefined) throw new BadRow(`expected a key ${TEXT_NAMES.join(" or ")}; found ${show(line)}`);
  const first = stringAt(keys, name);
  const secondName = SECOND_NAMES.find((candidate) => Object.hasOwn(keys, candidate));
  const text: TextRow["text"] = secondName === undefined ? first : [first, stringAt(keys, secondName)];
  const label = Object.hasOwn(keys, LABEL_NAME) ? keys[LABEL_NAME] : undefined;
  if (label === undefined || label === null) return { text };
  if (typeof label !== "number" || !Number.isSafeInteger(label) || label < 0) throw badLabel(JSON.stringify(label));
  return { text, label };
}

/** A line of plain text; empty lines are no rows. */
function readPlainLine(line: string): ReturnType<LineReader> {
  return line.trim() === "" ? undefined : { text: line };
}

function stringAt(keys: Record<string, unknown>, name: string): string {
  const value = keys[name];
  if (typeof value !== "string")
    throw new BadRow(`expected a string for "${name}"; found ${show(JSON.stringify(value))}`);
  return value;
}

/** The lines of a file, decoded one by one: a file may be larger than the longest string. */
function* linesOf(bytes: Uint8Array, where: string): Generator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const byteOrderMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let row = 0;
  for (let start = byteOrderMark, next = 0; start < bytes.length; start = next) {
    row++;
    const newline = bytes.indexOf(0x0a, start);
    let end = newline < 0 ? bytes.length : newline;
    next = end + 1;
    if (end > start && bytes[end - 1] === 0x0d) end--;
    let line: string;
    try {
      line = decoder.decode(bytes.subarray(start, end));
    } catch (error) {
      throw badRow(where, row, "expected UTF-8 text; found bytes that are not", error);
    }
    yield line;
  }
}

async function readUnpacked(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new TaperError("ERR_FILE", `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!path.endsWith(".gz")) return bytes;
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: LARGEST_UNPACKED });
  } catch (error) {
    throw new TaperError("ERR_DATA", `${path}: expected gzip data; ${(error as Error).message}.`, { cause: error });
  }
}

function formatOf(path: string): TextFormat {
  const ending = /\.(tsv|jsonl|txt)(\.gz)?$/.exec(path)?.[1];
  if (ending !== undefined) return ending as TextFormat;
  throw new TaperError(
    "ERR_OPTION",
    `${path}: expected a name that ends in .tsv, .jsonl or .txt (or one of these and .gz). Rename the file, or give the format.`,
  );
}

function badLabel(found: string): BadRow {
  return new BadRow(`expected a label from 0 (an integer); found ${found}`);
}

function badRow(where: string, row: number, reason: string, cause?: unknown): TaperError {
  return new TaperError("ERR_DATA", `${where}: row ${row}: ${reason}.`, { cause });
}

/** A piece of the file for a message. */
function show(text: string | undefined): string {
  if (text === undefined) return "nothing";
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
