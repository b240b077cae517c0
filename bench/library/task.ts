/** What is asked of a fresh process with one library in it, and what it answers: bench/library/child.ts is the other end. */

export interface LibraryTask {
  readonly library: "taperbert" | "transformers.js";
  /** URL of the module that a user of the library imports. */
  readonly entry: string;
  /** An ONNX runtime that the process offers the library as the host's own: the URL of its module, and of the folder of its WebAssembly. */
  readonly runtime?: { readonly entry: string; readonly files: string; readonly threads: number } | undefined;
  /** A model directory of the library's own kind. */
  readonly model: string;
  /** For `pipeline`. */
  readonly options: object;
  readonly texts: readonly string[];
  /** "check": what it answers. "time": how long it takes to. */
  readonly mode: "check" | "time";
}

/** What a library makes of the texts. */
export interface LibraryAnswers {
  /** Token ids of each text, special ones included. */
  readonly ids: readonly (readonly number[])[];
  /** Of each text alone, [c] each. */
  readonly logits: readonly (readonly number[])[];
  /** The best label of each text, all given in one call. */
  readonly batch: readonly { readonly label: string; readonly score: number }[];
}

export interface LibraryFigures {
  readonly importMs: number;
  readonly loadMs: number;
  /** The first text, from characters to label. */
  readonly firstMs: number;
  /** Median over the texts, one at a time, after a pass to warm up. */
  readonly textMs: number;
  /** All texts in one call. */
  readonly batchMs: number;
  /** All texts in one call, given up half-way: from then until the promise settles. */
  readonly cancelMs: number;
  /** The most memory that the process has had. */
  readonly peakBytes: number;
}

/** Their order is that of the table's columns. */
export const figureNames = [
  "importMs",
  "loadMs",
  "firstMs",
  "textMs",
  "batchMs",
  "cancelMs",
  "peakBytes",
] as const satisfies readonly (keyof LibraryFigures)[];
