/**
 * Every error this library throws on purpose: one class, one stable `code` each.
 * A message says what was wrong, where, what was expected, what was found and what to do.
 * This file does not catch, log or translate anything.
 */

export type ErrorCode =
  | "ERR_OPTION" // an unknown or impossible option, dial or flag
  | "ERR_FILE" // a file that is missing or cannot be read
  | "ERR_CHECKPOINT" // a checkpoint that is truncated, lying, or does not fit its config
  | "ERR_CONFIG" // a config.json or taperbert.json that cannot describe a model of ours
  | "ERR_VOCABULARY" // a vocabulary that cannot tokenise
  | "ERR_DATA" // a row of a data file
  | "ERR_INPUT" // token ids, segments or a replayed trace that do not fit the model
  | "ERR_BACKEND" // a backend that cannot run here
  | "ERR_GPU_UNAVAILABLE" // no GPU mode can run here; the message has the reason per mode
  | "ERR_DISPOSED"; // a model or backend used after dispose()

/** Names that come from a file may be of any length; nobody reads more than this of a message. */
const longestMessage = 1500;

/** The error class of this library. `code` is stable across versions; the message is for people, and cut in its middle if it is long. */
export class TaperError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    const half = longestMessage / 2;
    super(message.length > longestMessage ? `${message.slice(0, half)} … ${message.slice(-half)}` : message, options);
    this.name = "TaperError";
    this.code = code;
  }
}

/** The known name nearest to `name` by edit distance, if it is near enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 2)) + 1;
  for (const candidate of known) {
    // No distance is below the difference of the lengths: a file full of long names costs no time.
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Characters of a value that a message shows. */
const longestShown = 120;

/** A value as messages show it: JSON, cut short; buffers in words. Never throws, and takes no longer for a large value than for a small one. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  if (isBuffer(value)) return bufferInWords(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(beginningOf(value, { left: longestShown + 1 }));
  } catch {
    // A BigInt, or something that throws when it is looked at.
  }
  text ??= `a ${typeof value}`;
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

const isBuffer = (value: unknown): value is ArrayBuffer | ArrayBufferView =>
  ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

const bufferInWords = (buffer: ArrayBuffer | ArrayBufferView): string =>
  `${buffer.constructor.name} of ${buffer.byteLength} bytes`;

/** As much of a value as fills a message: each part that is kept takes a character or more. */
function beginningOf(value: unknown, parts: { left: number }): unknown {
  parts.left--;
  if (typeof value === "string") return value.slice(0, longestShown + 1);
  if (typeof value !== "object" || value === null || "toJSON" in value) return value;
  if (isBuffer(value)) return bufferInWords(value);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (let i = 0; i < value.length && parts.left > 0; i++) list.push(beginningOf(value[i], parts));
    return list;
  }
  const object: Record<string, unknown> = {};
  for (const key in value) {
    if (parts.left <= 0) break;
    if (Object.hasOwn(value, key)) object[key] = beginningOf((value as Record<string, unknown>)[key], parts);
  }
  return object;
}

/** Throws ERR_OPTION if `options` is no object or has a key outside `known`; the message names the nearest known one. */
export function refuseUnknown(options: object, known: readonly string[], where: string): void {
  if (typeof options !== "object" || options === null) {
    throw new TaperError(
      "ERR_OPTION",
      `${where}: expected an object with ${known.join(", ")}; found ${show(options)}.`,
    );
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    const hint = near ? `did you mean "${near}"?` : `known names: ${known.join(", ")}.`;
    throw new TaperError("ERR_OPTION", `${where} has no option "${key}"; ${hint}`);
  }
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
