/**
 * The three files that describe a BERT tokenizer, from their bytes: vocab.txt, tokenizer.json, tokenizer_config.json.
 * No file access. Values of a wrong type, and tokenizers of another kind than WordPiece, are refused.
 */

import { type ErrorCode, show, TaperError } from "../../engine/errors.ts";

/** What a directory says about tokenisation; undefined where it says nothing. */
export interface TokenizerSettings {
  lowercase: boolean | undefined;
  stripAccents: boolean | undefined;
  isolateIdeographs: boolean | undefined;
  maxLength: number | undefined;
}

export interface TokenizerJson extends Omit<TokenizerSettings, "maxLength"> {
  vocabulary: string[];
  addedTokens: string[];
}

/** The tokens of a vocab.txt: one per line, in the order of their ids. */
export function parseVocabularyText(bytes: Uint8Array, where: string): string[] {
  const lines = decodeUtf8(bytes, where, "ERR_VOCABULARY").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
}

/** The settings of a tokenizer_config.json. */
export function parseTokenizerConfig(bytes: Uint8Array, where: string): Partial<TokenizerSettings> {
  const config = parseObject(bytes, where, "ERR_CONFIG");
  const length = config.model_max_length;
  if (length !== undefined && length !== null && (typeof length !== "number" || !(length > 0))) {
    throw wrong("ERR_CONFIG", where, "model_max_length", "a positive number", length);
  }
  return {
    lowercase: flag(config.do_lower_case, where, "do_lower_case"),
    stripAccents: flag(config.strip_accents, where, "strip_accents"),
    isolateIdeographs: flag(config.tokenize_chinese_chars, where, "tokenize_chinese_chars"),
    // Hugging Face writes 1e30 for "no limit".
    maxLength: typeof length === "number" ? (length > 1e9 ? Number.POSITIVE_INFINITY : Math.floor(length)) : undefined,
  };
}

/** The vocabulary and the settings of a tokenizer.json. */
export function parseTokenizerJson(bytes: Uint8Array, where: string): TokenizerJson {
  const json = parseObject(bytes, where, "ERR_VOCABULARY");
  const model = objectAt(json.model, where, "model");
  if (model.type !== undefined && model.type !== "WordPiece") {
    throw wrong("ERR_VOCABULARY", where, "model.type", '"WordPiece"', model.type);
  }
  if (model.continuing_subword_prefix !== undefined && model.continuing_subword_prefix !== "##") {
    throw wrong("ERR_VOCABULARY", where, "model.continuing_subword_prefix", '"##"', model.continuing_subword_prefix);
  }
  const ids = new Map(Object.entries(objectAt(model.vocab, where, "model.vocab")));
  const addedTokens: string[] = [];
  if (json.added_tokens !== undefined && !Array.isArray(json.added_tokens)) {
    throw wrong("ERR_VOCABULARY", where, "added_tokens", "a list", json.added_tokens);
  }
  for (const [i, entry] of ((json.added_tokens ?? []) as unknown[]).entries()) {
    const { content, id } = objectAt(entry, where, `added_tokens[${i}]`);
    if (typeof content !== "string") {
      throw wrong("ERR_VOCABULARY", where, `added_tokens[${i}].content`, "a string", content);
    }
    ids.set(content, id);
    addedTokens.push(content);
  }
  const normalizer = isObject(json.normalizer) ? json.normalizer : {};
  return {
    vocabulary: inOrder(ids, where),
    addedTokens,
    lowercase: flag(normalizer.lowercase, where, "normalizer.lowercase"),
    stripAccents: flag(normalizer.strip_accents, where, "normalizer.strip_accents"),
    isolateIdeographs: flag(normalizer.handle_chinese_chars, where, "normalizer.handle_chinese_chars"),
  };
}

/** Token by id; every id from 0 to the number of tokens must be there once. */
function inOrder(ids: ReadonlyMap<string, unknown>, where: string): string[] {
  const tokens = new Array<string>(ids.size);
  for (const [token, id] of ids) {
    const place = `the id of ${JSON.stringify(token.slice(0, 40))}`;
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= ids.size) {
      throw wrong("ERR_VOCABULARY", where, place, `an integer from 0 to ${ids.size - 1}`, id);
    }
    if (tokens[id] !== undefined) {
      throw wrong("ERR_VOCABULARY", where, place, "an id of its own", `${id}, the id of ${JSON.stringify(tokens[id])}`);
    }
    tokens[id] = token;
  }
  return tokens;
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON object from its bytes. */
export function parseObject(bytes: Uint8Array, where: string, code: ErrorCode): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes, where, code));
  } catch (error) {
    if (error instanceof TaperError) throw error;
    throw new TaperError(code, `${where}: expected JSON; ${(error as Error).message}`, { cause: error });
  }
  if (!isObject(value)) throw wrong(code, where, "the file", "a JSON object", value);
  return value;
}

export function objectAt(value: unknown, where: string, path: string): JsonObject {
  if (!isObject(value)) throw wrong("ERR_VOCABULARY", where, path, "an object", value);
  return value;
}

export function flag(value: unknown, where: string, name: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw wrong("ERR_CONFIG", where, name, "true or false", value);
  return value;
}

function decodeUtf8(bytes: Uint8Array, where: string, code: ErrorCode): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new TaperError(code, `${where}: expected UTF-8 text; found bytes that are not.`, { cause: error });
  }
}

export function wrong(code: ErrorCode, where: string, what: string, expected: string, found: unknown): TaperError {
  return new TaperError(code, `${where}: ${what}: expected ${expected}; found ${show(found)}.`);
}
