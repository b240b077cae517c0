/** What the page and its worker say to each other. Plain data; whatever is not here is not said. */
import type { Dials, Explanation } from "../../index.ts";

export type BackendChoice = "wasm" | "webgl2" | "webgpu";

/** A text to read. A newer request makes an older one void. */
export interface Request {
  readonly id: number;
  readonly text: string;
  readonly dials: Dials;
}

export type Reply =
  | {
      readonly kind: "ready";
      /** The backend and its build, for example "wasm, relaxed". */
      readonly runs: string;
      /** The model's own dials. */
      readonly defaults: Dials;
    }
  | { readonly kind: "read"; readonly id: number; readonly explanation: Explanation }
  | {
      readonly kind: "timed";
      readonly id: number;
      /** Medians of interleaved runs, from token ids to logits. */
      readonly ms: number;
      readonly denseMs: number;
      /** How much longer dense took, the median of the pairs. */
      readonly ratio: number;
      readonly rounds: number;
    }
  | { readonly kind: "failed"; readonly message: string };
