/** The names of `loadModel`'s options: whoever passes options on can refuse others without loading what they are for. */
import type { LoadOptions } from "./load.ts";

export const loadOptionNames: readonly string[] = [
  "dtype",
  "backend",
  "simd",
  "threads",
  "wasmModule",
  "tokenBudget",
] satisfies (keyof LoadOptions)[];
