/** The builds of the wasm backend that this engine accepts. The others are printed with the reason. */
import { setFlagsFromString } from "node:v8";
import { wasmBackend } from "../../kernels/backends/wasm.ts";

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

export const acceptedVariants = (["plain", "relaxed", "wide"] as const).filter((variant) => {
  try {
    wasmBackend({ variant }).dispose();
    return true;
  } catch (error) {
    // Every engine that runs these tests has SIMD.
    if (variant === "plain") throw error;
    console.log(`skipped: ${(error as Error).message}`);
    return false;
  }
});
