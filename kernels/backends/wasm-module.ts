/**
 * The kernels' module as bytes to keep, and a compiled one back again: for pages and workers that may run WebAssembly but not compile it
 * from bytes. A module carries a mark of what it was assembled from, so that one of another version is refused and not run.
 */
import { show, TaperError } from "../../engine/errors.ts";
import type { MemoryImport } from "../assembler/module.ts";
import { assemble, type Program } from "../assembler/program.ts";
import type { Variant } from "../assembler/variant.ts";
import { sharedMemory, unsharedMemory } from "./wasm-engine.ts";

/** The name of the custom section that holds the mark. */
const sectionName = "taperbert";

interface Mark {
  readonly variant: Variant;
  /** For several threads: its memory is shared. */
  readonly shared: boolean;
  /** Of the bytes without this section. */
  readonly hash: number;
}

/** The bytes of a build, for one thread or (`shared`) for several. */
export function emitModule(variant: Variant, shared: boolean): Uint8Array<ArrayBuffer> {
  const { bytes } = assemble(variant, shared ? sharedMemory : unsharedMemory);
  const mark: Mark = { variant, shared, hash: hashOf(bytes) };
  const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];
  const name = utf8(sectionName);
  const content = [name.length, ...name, ...utf8(JSON.stringify(mark))];
  if (content.length > 127) throw new RangeError("the mark's length takes one byte");
  return Uint8Array.from([...bytes, 0, content.length, ...content]);
}

/** The program that a compiled module is of. Throws ERR_BACKEND if it is of none of this version, or for other memory. */
export function programOf(module: WebAssembly.Module, memory: MemoryImport): { variant: Variant; program: Program } {
  const refuse = (found: string): TaperError =>
    new TaperError(
      "ERR_BACKEND",
      `wasmModule: expected what this version's "taperbert emit-wasm" wrote, compiled; found ${found}. Emit it anew.`,
    );
  if (!(module instanceof WebAssembly.Module)) throw refuse(show(module));
  const [section] = WebAssembly.Module.customSections(module, sectionName);
  if (section === undefined) throw refuse("a module without its mark");
  const text = new TextDecoder().decode(section);
  let mark: Partial<Mark>;
  try {
    mark = JSON.parse(text) as Partial<Mark>;
  } catch {
    throw refuse(`a mark that says ${show(text)}`);
  }
  const { variant, shared, hash } = mark;
  if (variant !== "plain" && variant !== "relaxed" && variant !== "wide") throw refuse(`a build "${variant}"`);
  const wanted = memory.shared ?? false;
  if (shared !== wanted) {
    throw new TaperError(
      "ERR_BACKEND",
      wanted
        ? "wasmModule: it is for one thread; emit it with --shared, or leave threads out."
        : "wasmModule: it is for several threads; emit it without --shared, or ask for threads.",
    );
  }
  const program = assemble(variant, memory);
  if (hashOf(program.bytes) !== hash) throw refuse("a module of another version");
  return { variant, program };
}

/** FNV-1a: tells versions apart, not forgeries. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
