/** Programs without a backend around them, for tests that lay out memory themselves: an instance of each build that this engine accepts. */
import { setFlagsFromString } from "node:v8";
import { constantEnd, type MemoryImport } from "../../kernels/assembler/module.ts";
import type { Program } from "../../kernels/assembler/program.ts";
import { type Variant, variants } from "../../kernels/assembler/variant.ts";

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

export interface LoneProgram {
  readonly variant: Variant;
  readonly memory: WebAssembly.Memory;
  /** Address of zeros among the program's constants. */
  readonly zeros: number;
  readonly call: Readonly<Record<string, (...args: number[]) => void>>;
}

/** Each with `pages` pages of memory; builds that the engine rejects are left out, and printed. */
export function lonePrograms(
  assemble: (variant: Variant, memory: MemoryImport) => Program,
  pages: number,
): LoneProgram[] {
  return variants.flatMap((variant) => {
    const { bytes, zeros } = assemble(variant, { initialPages: pages });
    if (!WebAssembly.validate(bytes)) {
      console.log(`skipped: this engine rejects the ${variant} build`);
      return [];
    }
    const memory = new WebAssembly.Memory({ initial: pages });
    const env = { memory, scratch: constantEnd, thread: 0 };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    return [{ variant, memory, zeros, call: exports as LoneProgram["call"] }];
  });
}
