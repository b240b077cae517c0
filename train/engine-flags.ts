/**
 * V8's flags for the builds of the WebAssembly backend that need one, set before any module compiles. They hold for the whole
 * process, workers included: revectorisation changes how V8 compiles, and is set only for who asks for "wide".
 */
import type { Variant } from "../kernels/assembler/variant.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";
import { enableWide } from "../kernels/backends/wide-flag.ts";

/** Throws ERR_BACKEND if this version of Node has no such build. */
export function prepareEngine(variant: Variant | undefined): void {
  if (variant !== "plain") enableRelaxed();
  if (variant === "wide") enableWide();
}
