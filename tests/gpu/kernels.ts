/** The kernels that a GPU has: those of inference, the 8-bit product left out. */
import { type InferenceKernelName, inferenceContracts } from "../../kernels/index.ts";

export const gpuKernels: readonly InferenceKernelName[] = inferenceContracts
  .map(({ name }) => name)
  .filter((name) => name !== "matmulInt8");
