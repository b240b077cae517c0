// Every WebAssembly form, in each variant that this engine has.
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { inferenceContracts, trainingContracts } from "../../kernels/index.ts";
import { testBackend } from "./generic.ts";

const kernels = [...inferenceContracts, ...trainingContracts].map(({ name }) => name);
testBackend("wasm, plain", () => wasmBackend({ variant: "plain" }), { kernels });
testBackend("wasm", () => wasmBackend(), { kernels });
