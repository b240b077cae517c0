// Every WebAssembly form in every variant: plain SIMD, and relaxed SIMD with its fused multiply-add.
import { setFlagsFromString } from "node:v8";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import { inferenceContracts, trainingContracts } from "../../kernels/index.ts";
import { testBackend } from "./generic.ts";

const kernels = [...inferenceContracts, ...trainingContracts].map(({ name }) => name);
// Node 20 has relaxed SIMD behind a flag; later ones know no such flag any more and have it on.
const enableRelaxed = (): void => {
  if (process.versions.node.startsWith("20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");
};
testBackend("wasm, plain", () => wasmBackend({ variant: "plain" }), { kernels });
testBackend("wasm, relaxed", () => wasmBackend({ variant: "relaxed", enableRelaxed }), { kernels });
