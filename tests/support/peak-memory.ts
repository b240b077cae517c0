/** bench/peak-memory.ts as source for a script of a process of its own: after it, `peakMemory()` is that process's. */
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";

export function peakMemorySource(): string {
  return transformSync(readFileSync("bench/peak-memory.ts", "utf8"), { loader: "ts" }).code;
}
