/**
 * `taperbert/gpu`: the GPU backend, apart from the default path because gpu.js (an optional peer) builds code from strings.
 * `loadModel(directory, { backend: await gpu({ mode: "webgl2" }) })`
 */
export { type GpuOptions, gpu } from "./kernels/backends/gpu.ts";
export type { GpuMode } from "./kernels/backends/gpu-device.ts";
export type { GpuHandle } from "./kernels/backends/gpu-handle.ts";
