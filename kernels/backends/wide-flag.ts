/**
 * V8's revectoriser, which the wide variant lives on: a flag of the whole process, experimental, in Node 24 and later on x64. Set before
 * a module compiles, it makes V8 fuse pairs of 128-bit operations into 256-bit ones. Whether it did is for wide-probe.ts to find out.
 */
import { TaperError } from "../../engine/errors.ts";

/** Lets modules that compile from here on be wide. Throws ERR_BACKEND where that cannot work. */
export function enableWide(): void {
  const reason = whyNotWide();
  if (reason !== undefined) throw new TaperError("ERR_BACKEND", `the "wide" build cannot run here: ${reason}.`);
  setFlag("--experimental-wasm-revectorize");
}

/** Takes the flag back; what is compiled stays as it is. */
export function disableWide(): void {
  setFlag("--no-experimental-wasm-revectorize");
}

/** Undefined if this engine may have a revectoriser. */
function whyNotWide(): string | undefined {
  const node = globalThis.process?.versions?.node;
  if (node === undefined) return "it needs Node 24 or later on x64, and this engine is not Node";
  const { arch } = process;
  if (Number(node.split(".")[0]) >= 24 && arch === "x64") return undefined;
  return `it needs Node 24 or later on x64; this is Node ${node} on ${arch}`;
}

function setFlag(flag: string): void {
  process.getBuiltinModule("node:v8").setFlagsFromString(flag);
}
