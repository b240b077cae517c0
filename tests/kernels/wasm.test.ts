// Every WebAssembly form, in each variant that this engine has.
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { inferenceContracts, trainingContracts } from "../../kernels/index.ts";
import { testBackend } from "./generic.ts";
import { acceptedVariants } from "./wasm-variants.ts";

const kernels = [...inferenceContracts, ...trainingContracts].map(({ name }) => name);
for (const variant of acceptedVariants) testBackend(`wasm, ${variant}`, () => wasmBackend({ variant }), { kernels });
