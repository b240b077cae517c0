/**
 * The part of gpu.js that this project uses, and its import: on demand only, for gpu.js builds code from strings and
 * must never be on the default path. Written out here because gpu.js's own types know neither WebGPU's parts nor a kernel's inside.
 * Source: https://github.com/gpujs/gpu.js
 */
import { TaperError } from "../../engine/errors.ts";

/** A kernel of gpu.js as a function, and the object behind it, which may change when gpu.js thinks better of it. */
export interface GpuKernel {
  (...args: unknown[]): unknown;
  setOutput(output: readonly number[]): unknown;
  readonly kernel: {
    readonly constructor: { readonly mode?: string };
    readonly context: object;
    readonly fallbackReason?: string | null;
    /** In the GL modes: what the last call wrote. */
    texture: { readonly texture: WebGLTexture; readonly size: ArrayLike<number> } | null;
    /** In the webgpu mode: what the last call wrote. */
    outputBuffer: GPUBuffer | null;
    destroy(): void;
  };
}

export interface GpuInstance {
  createKernel(source: string, settings: object): GpuKernel;
  addFunction(source: string, settings: object): unknown;
  addNativeFunction(name: string, source: string): unknown;
}

/** gpu.js's one WebGPU device, which all its users in a process share. */
export interface SharedContext {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  readonly isLost: boolean;
}

export interface GpuLibrary {
  readonly GPU: new (settings: object) => GpuInstance;
  readonly WebGPUContext: { acquire(): Promise<SharedContext> };
  /** Its prototype marks an argument as a buffer that is on the device already. */
  readonly WebGPUBufferResult: { readonly prototype: object };
}

/** Imports gpu.js. Throws ERR_GPU_UNAVAILABLE if it is not installed. */
export async function importLibrary(): Promise<GpuLibrary> {
  let module: Partial<GpuLibrary> & { default?: Partial<GpuLibrary> };
  try {
    module = (await import("gpu.js")) as unknown as typeof module;
  } catch (cause) {
    throw new TaperError(
      "ERR_GPU_UNAVAILABLE",
      "the gpu backend needs gpu.js, which could not be imported; install it: npm install gpu.js@2.24.1",
      { cause },
    );
  }
  // Node names the exports of a CommonJS module; a bundler may leave them under `default`.
  const { GPU, WebGPUContext, WebGPUBufferResult } = module.WebGPUContext ? module : (module.default ?? {});
  if (GPU && WebGPUContext && WebGPUBufferResult) return { GPU, WebGPUContext, WebGPUBufferResult };
  throw new TaperError(
    "ERR_GPU_UNAVAILABLE",
    'the "gpu.js" that was imported has no GPU, WebGPUContext and WebGPUBufferResult; install gpu.js@2.24.1',
  );
}
