/** gpu.js's own kernel classes, watched: how many kernels it built for a mode, and a mode that refuses, as gpu.js does on weak GPUs. */
import * as library from "gpu.js";
import type { GpuMode } from "../../gpu.ts";

interface KernelClass {
  prototype: { build(...args: unknown[]): unknown; requestFallback?(args: unknown[], reason: string): unknown };
}
type Classes = Record<"CPUKernel" | "WebAssemblyKernel" | "WebGL2Kernel" | "WebGLKernel" | "WebGPUKernel", KernelClass>;

export interface WatchedKernels {
  /** Kernels built so far. */
  built(): number;
  /** From now on gpu.js finds that it cannot run kernels so; the result undoes that. */
  refuse(reason: string): () => void;
}

const { default: main, ...named } = library as unknown as Partial<Classes> & { default?: Classes };
const classes = { ...main, ...named } as Classes;

const onCpu = watch(classes.CPUKernel, classes.WebAssemblyKernel);
const byMode: Record<GpuMode, WatchedKernels> = {
  webgl2: watch(classes.WebGL2Kernel),
  webgpu: watch(classes.WebGPUKernel),
};

export function libraryKernels(mode: GpuMode): { onCpu: WatchedKernels; ofMode: WatchedKernels } {
  return { onCpu, ofMode: byMode[mode] };
}

function watch(...watched: KernelClass[]): WatchedKernels {
  let count = 0;
  let refusal: string | undefined;
  for (const { prototype } of watched) {
    const { build } = prototype;
    prototype.build = function (...args) {
      if (refusal !== undefined) return this.requestFallback?.(args, refusal);
      count++;
      return build.apply(this, args);
    };
  }
  return {
    built: () => count,
    refuse(reason) {
      refusal = reason;
      return () => {
        refusal = undefined;
      };
    },
  };
}
