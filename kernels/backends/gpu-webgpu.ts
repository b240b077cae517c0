/**
 * WebGPU, by gpu.js's mode of that name: an array is a storage buffer, a launch is a compute pass into a fresh one. gpu.js compiles
 * asynchronously, so launches, frees and reads wait in one line, in the order they were asked for.
 * It refuses to answer from a lost device and after an error of the driver; it never runs elsewhere.
 *
 * Of gpu.js's traps: it knows no native functions and no vector arguments in this mode; every user of gpu.js shares one device,
 * so dispose() gives back every buffer of ours, but not the device.
 */
import { TaperError } from "../../engine/errors.ts";
import {
  asBackendError,
  disposedError,
  freedError,
  type GpuArray,
  type GpuDevice,
  type GpuFunction,
  type GpuMatrix,
  type GpuSource,
  lengthOf,
  lostMessage,
  settingsOf,
  type Threads,
  type WgslLaunch,
  type WgslSource,
} from "./gpu-device.ts";
import type { GpuInstance, GpuKernel, GpuLibrary, SharedContext } from "./gpu-library.ts";

/** WebGPU's entry point: `navigator.gpu`, or what npm's `webgpu` creates. */
export type WebGpuProvider = Pick<GPU, "requestAdapter">;

// The specification's numbers; their names are globals that not every place has.
const STORAGE = 0x80;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const MAP_READ = 0x1;
const UNIFORM = 0x40;
/** Workgroups along an axis; those of gpu.js are 8 threads wide in two and three axes. */
const AXIS_LIMIT = 65_535 * 8;

/** What the GL modes say natively. A comparison with NaN is left to the driver here: WGSL promises nothing about it. */
const functions: readonly GpuFunction[] = [
  { name: "isNotANumber", source: "function isNotANumber(x) { if (x === x) { return 0.0; } return 1.0; }" },
  {
    name: "isInfinite",
    source: "function isInfinite(x) { if (Math.abs(x) > 3.402823466e38) { return 1.0; } return 0.0; }",
  },
  { name: "notANumber", source: "function notANumber(x) { return Math.sqrt(-1.0 - Math.abs(Math.min(x, 0.0))); }" },
];

const kinds = { numbers: "WebGPUBuffer", quads: "WebGPUBuffer", integer: "Integer", float: "Float" } as const;

export class WebGpuDevice implements GpuDevice {
  readonly mode = "webgpu";
  readonly readsQuads = false;
  readonly #library: GpuLibrary;
  readonly #context: SharedContext;
  readonly #gpu: GpuInstance;
  readonly #kernels = new Map<string, GpuKernel>();
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  /** Arrays asked for; the buffer is there when their turn has come. */
  readonly #buffers = new Map<GpuArray, GPUBuffer | undefined>();
  #line: Promise<void> = Promise.resolve();
  #failure: TaperError | undefined;
  #disposed = false;

  /** Throws ERR_GPU_UNAVAILABLE where there is no adapter. */
  static async open(
    library: GpuLibrary,
    more: readonly GpuFunction[],
    provider: WebGpuProvider | undefined,
  ): Promise<WebGpuDevice> {
    if (provider === undefined && !(globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu) {
      throw new TaperError(
        "ERR_GPU_UNAVAILABLE",
        'gpu mode "webgpu": there is no navigator.gpu here; in Node install npm\'s "webgpu" and pass what its create([]) gives ' +
          "as provider; browsers have it on secure pages only",
      );
    }
    let context: SharedContext;
    let gpu: GpuInstance;
    try {
      const opened = withProvider(provider, () => [
        new library.GPU({ mode: "webgpu" }),
        library.WebGPUContext.acquire(),
      ]);
      gpu = opened[0] as GpuInstance;
      context = await (opened[1] as Promise<SharedContext>);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TaperError("ERR_GPU_UNAVAILABLE", `gpu mode "webgpu": ${reason}`, { cause });
    }
    for (const { source } of [...functions, ...more]) {
      gpu.addFunction(source, { argumentTypes: { x: "Number" }, returnType: "Number" });
    }
    return new WebGpuDevice(library, context, gpu);
  }

  private constructor(library: GpuLibrary, context: SharedContext, gpu: GpuInstance) {
    this.#library = library;
    this.#context = context;
    this.#gpu = gpu;
    context.device.addEventListener("uncapturederror", this.#onError);
  }

  launch(source: GpuSource, threads: Threads, args: readonly (GpuMatrix | number)[]): GpuArray {
    this.check();
    const length = lengthOf(source, threads);
    this.#checkSize(source.name, length);
    if (threads.length > 1 && threads.some((side) => side > AXIS_LIMIT)) {
      throw new TaperError("ERR_BACKEND", `${source.name}: a side of [${threads}] is above ${AXIS_LIMIT}`);
    }
    const array = this.#promise(length);
    this.#enqueue(source.name, async () => {
      const run = this.#kernel(source, threads);
      run.setOutput(threads);
      await run(...args.map((arg) => (typeof arg === "number" ? arg : this.#argument(arg))));
      this.#buffers.set(array, this.#take(source.name, run));
    });
    return array;
  }

  launchWgsl(source: WgslSource, { length, workgroups, sizes }: WgslLaunch, args: readonly GpuArray[]): GpuArray {
    this.check();
    this.#checkSize(source.name, length);
    const array = this.#promise(length);
    this.#enqueue(source.name, () => {
      const { device } = this.#context;
      const output = device.createBuffer({ size: 4 * length, usage: STORAGE | COPY_SRC });
      this.#buffers.set(array, output);
      const uniform = device.createBuffer({ size: 16, usage: UNIFORM, mappedAtCreation: true });
      new Uint32Array(uniform.getMappedRange()).set(sizes);
      uniform.unmap();
      const pipeline = this.#pipeline(source);
      const entries = [output, ...args.map((arg) => this.#buffer(arg)), uniform].map((buffer, binding) => ({
        binding,
        resource: { buffer },
      }));
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(...workgroups);
      pass.end();
      device.queue.submit([encoder.finish()]);
      uniform.destroy();
    });
    return array;
  }

  upload(values: Float32Array): GpuArray {
    this.check();
    this.#checkSize("upload", values.length);
    const array = this.#promise(values.length);
    const copy = values.slice();
    this.#enqueue("upload", () => {
      const size = Math.max(4, copy.byteLength);
      const buffer = this.#context.device.createBuffer({ size, usage: STORAGE | COPY_SRC, mappedAtCreation: true });
      new Float32Array(buffer.getMappedRange(), 0, copy.length).set(copy);
      buffer.unmap();
      this.#buffers.set(array, buffer);
    });
    return array;
  }

  async read(array: GpuArray, length: number): Promise<Float32Array> {
    this.check();
    let values: Promise<Float32Array> | undefined;
    this.#enqueue("read", () => {
      values = this.#download(this.#buffer(array), length);
      // Whoever waits for the read hears of its failure; the line does not.
      values.catch(() => undefined);
    });
    await this.#line;
    this.check();
    const found = await (values as Promise<Float32Array> | undefined)?.catch((cause) => {
      this.check();
      throw asBackendError("read", cause);
    });
    this.check();
    if (found) return found;
    throw new TaperError("ERR_BACKEND", "read: the GPU gave no values");
  }

  free(array: GpuArray): void {
    if (!this.#buffers.has(array)) return;
    // Even behind a failure: what is enqueued before may still be using it.
    this.#line = this.#line.then(() => {
      this.#buffers.get(array)?.destroy();
      this.#buffers.delete(array);
    });
  }

  check(): void {
    if (this.#disposed) throw disposedError();
    if (this.#context.isLost) throw new TaperError("ERR_BACKEND", lostMessage);
    if (this.#failure) throw this.#failure;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#line = this.#line.then(() => {
      for (const buffer of this.#buffers.values()) buffer?.destroy();
      this.#buffers.clear();
      for (const run of this.#kernels.values()) run.kernel.destroy();
      this.#kernels.clear();
      this.#pipelines.clear();
      this.#context.device.removeEventListener("uncapturederror", this.#onError);
    });
  }

  readonly #onError = ({ error }: GPUUncapturedErrorEvent): void => {
    this.#failure ??= new TaperError("ERR_BACKEND", `the GPU reports: ${error.message}`);
  };

  /** After a failure nothing runs any more: what it would compute is worth nothing. */
  #enqueue(what: string, step: () => void | Promise<void>): void {
    this.#line = this.#line.then(async () => {
      if (this.#failure || this.#disposed || this.#context.isLost) return;
      try {
        await step();
      } catch (cause) {
        this.#failure ??= asBackendError(what, cause);
      }
    });
  }

  async #download(buffer: GPUBuffer, length: number): Promise<Float32Array> {
    const { device } = this.#context;
    const size = 4 * length;
    const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(MAP_READ, 0, size);
      return new Float32Array(staging.getMappedRange().slice(0));
    } finally {
      staging.destroy();
    }
  }

  #kernel(source: GpuSource, threads: Threads): GpuKernel {
    let run = this.#kernels.get(source.name);
    if (!run) {
      run = this.#gpu.createKernel(source.source, {
        ...settingsOf(source, threads, kinds),
        immutable: true,
      });
      this.#kernels.set(source.name, run);
    }
    return run;
  }

  #pipeline({ name, code }: WgslSource): GPUComputePipeline {
    let pipeline = this.#pipelines.get(name);
    if (!pipeline) {
      const { device } = this.#context;
      const module = device.createShaderModule({ label: name, code });
      pipeline = device.createComputePipeline({ label: name, layout: "auto", compute: { module, entryPoint: "main" } });
      this.#pipelines.set(name, pipeline);
    }
    return pipeline;
  }

  /** A buffer as gpu.js passes on what an earlier kernel wrote. */
  #argument({ array, columns, rows, planes }: GpuMatrix): object {
    return Object.assign(Object.create(this.#library.WebGPUBufferResult.prototype), {
      type: "WebGPUBuffer",
      buffer: this.#buffer(array),
      output: [columns, rows, planes],
      componentCount: 1,
      context: this.#context,
    });
  }

  /** The buffer that a kernel wrote, taken from it: gpu.js would keep it until the kernel's next call. */
  #take(name: string, run: GpuKernel): GPUBuffer {
    const { kernel } = run;
    const buffer = kernel.outputBuffer;
    if (kernel.constructor.mode !== "webgpu" || !buffer) {
      throw new TaperError("ERR_BACKEND", `${name} ran as gpu.js's "${kernel.constructor.mode}" instead of webgpu`);
    }
    kernel.outputBuffer = null;
    return buffer;
  }

  #promise(length: number): GpuArray {
    const array: GpuArray = { length };
    this.#buffers.set(array, undefined);
    return array;
  }

  #buffer(array: GpuArray): GPUBuffer {
    const buffer = this.#buffers.get(array);
    if (buffer) return buffer;
    throw freedError();
  }

  #checkSize(what: string, length: number): void {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#context.device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4;
    if (length <= limit) return;
    const found = `an array of ${length} values is above this GPU's limit of ${limit}`;
    throw new TaperError("ERR_BACKEND", `${what}: ${found}; use smaller batches`);
  }
}

/** gpu.js looks for `navigator.gpu` and nowhere else: it finds the provider there while `body` runs, and never again. */
function withProvider<T>(provider: WebGpuProvider | undefined, body: () => T): T {
  if (provider === undefined) return body();
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { gpu: provider } });
  try {
    return body();
  } finally {
    if (before) Object.defineProperty(globalThis, "navigator", before);
    else Reflect.deleteProperty(globalThis, "navigator");
  }
}
