/**
 * The builds of the WebAssembly backend side by side in one process. V8's revectoriser is a flag of the whole process and is read
 * when code is compiled, so whoever runs a build for the first time calls `compilesFor` before; only "wide" may see the flag, which would
 * fuse the narrower builds' pairs too. It chooses no build for a model.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import type { Variant } from "../kernels/assembler/variant.ts";
import { prepareEngine } from "../train/engine-flags.ts";

/** Milliseconds that V8's background compiler has to finish what it began, before another build's flags are set. */
const compileTime = 30;

/** Why a build cannot run in this process; undefined if it can. */
export function refusal(variant: Variant): string | undefined {
  try {
    compilesFor(variant);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    compilesFor("plain");
  }
}

/** From now on code is compiled as `variant` wants it. Throws ERR_BACKEND if this version of Node has no such build. */
export function compilesFor(variant: Variant): void {
  prepareEngine(variant);
  // Unknown before Node 24, where prepareEngine has refused what would set it.
  const hasRevectoriser = Number(process.versions.node.split(".")[0]) >= 24;
  if (variant !== "wide" && hasRevectoriser) setFlagsFromString("--no-experimental-wasm-revectorize");
}

/** Runs `work` over and over under a build's flags until V8's optimiser has seen it and finished. */
export async function settle(variant: Variant, work: () => unknown, milliseconds = 20): Promise<void> {
  compilesFor(variant);
  const end = performance.now() + milliseconds;
  for (let calls = 0; calls < 3 || performance.now() < end; calls++) await work();
  await sleep(compileTime);
}
