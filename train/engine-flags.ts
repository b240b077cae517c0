/**
 * V8's flags for the builds of the WebAssembly backend that need one, set before any module compiles. They hold for the whole
 * process, workers included: revectorisation changes how V8 compiles, and is set only for who asks for "wide".
 */
import { setFlagsFromString } from "node:v8";
import { TaperError } from "../engine/errors.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";

/** Throws ERR_BACKEND if this version of Node has no such build. */
export function prepareEngine(variant: Variant | undefined): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (variant !== "plain") enableRelaxed();
  if (variant !== "wide") return;
  if (major < 24 || process.arch !== "x64") {
    throw new TaperError(
      "ERR_BACKEND",
      `the "wide" build needs Node 24 or later on x64; this is Node ${process.versions.node} on ${process.arch}.`,
    );
  }
  setFlagsFromString("--experimental-wasm-revectorize");
}
