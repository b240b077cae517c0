/**
 * The part of gpu.js that this project uses, and its import: on demand only, for gpu.js builds code from strings and
 * must never be on the default path. Written out here because gpu.js's own types export `input` as a type only.
 * Source: https://github.com/gpujs/gpu.js
 */
import { TaperError } from "../../engine/errors.ts";

/** A flat array on the device. `dimensions` says how a kernel's indices address it: [columns, rows, 1]. */
export interface GpuTexture {
  readonly texture: object;
  readonly size: ArrayLike<number>;
  readonly dimensions: readonly number[];
  delete(): void;
}

export type GpuArgument = GpuTexture | number | object;

export interface GpuKernel {
  (...args: GpuArgument[]): GpuTexture;
  setOutput(output: readonly number[]): unknown;
  readonly kernel: {
    readonly constructor: { readonly mode?: string };
    readonly context: object;
    readonly fallbackReason?: string | null;
    readonly texture: GpuTexture;
  };
}

export interface GpuInstance {
  createKernel(source: string, settings: object): GpuKernel;
  addFunction(source: string, settings: object): unknown;
  addNativeFunction(name: string, source: string): unknown;
}

export interface GpuLibrary {
  readonly GPU: new (settings: object) => GpuInstance;
  readonly input: (values: Float32Array, size: readonly number[]) => object;
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
  const { GPU, input } = module.GPU ? module : (module.default ?? {});
  if (GPU && input) return { GPU, input };
  throw new TaperError(
    "ERR_GPU_UNAVAILABLE",
    'the "gpu.js" that was imported has no GPU and input; install gpu.js@2.24.1',
  );
}
