// Every WebAssembly form, in each variant that this engine has.
import { setFlagsFromString } from "node:v8";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { inferenceContracts, trainingContracts } from "../../kernels/index.ts";
import { testBackend } from "./generic.ts";

const kernels = [...inferenceContracts, ...trainingContracts].map(({ name }) => name);
testBackend("wasm, plain", () => wasmBackend({ variant: "plain" }), { kernels });

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");
for (const variant of ["relaxed", "wide"] as const) {
  try {
    wasmBackend({ variant });
  } catch (error) {
    console.log(`skipped: ${(error as Error).message}`);
    continue;
  }
  testBackend(`wasm, ${variant}`, () => wasmBackend({ variant }), { kernels });
}
