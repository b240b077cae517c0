/**
 * WebGL2: an array is a texture of four floats a texel, flat and near-square; a launch is a draw call into a fresh one.
 * It refuses to answer from a lost context, from another mode than the one asked for, and from textures too large to be.
 *
 * Traps of gpu.js handled here, so that kernels need not know them:
 * - sizes are dynamic, and the output is set anew before each call: a kernel that keeps its last texture writes the next result
 *   into it. Textures are taken from the kernel after each call, and are this file's alone to delete;
 * - precision is declared high: the default is 16 bits on phones;
 * - uploads bypass gpu.js, whose array arguments are copied at every call;
 * - arguments are all of one class of ours: gpu.js recompiles when an argument's class changes;
 * - a comparison with NaN may hold, and the exponential of NaN may be a number: kernels ask isNotANumber().
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
} from "./gpu-device.ts";
import type { GpuInstance, GpuKernel, GpuLibrary } from "./gpu-library.ts";

interface Texture {
  readonly texture: WebGLTexture;
  readonly size: Int32Array;
}

/** What kernels may call beyond Math: whole-number division, which is a float's in gpu.js, NaN by its bits, and a vector's step. */
const natives = {
  quotient: "int quotient(int a, int b) { return a / b; }",
  remainder: "int remainder(int a, int b) { return a - b * (a / b); }",
  isNotANumber: "float isNotANumber(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? 1.0 : 0.0; }",
  isInfinite: "float isInfinite(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u ? 1.0 : 0.0; }",
  notANumber: "float notANumber(float x) { return uintBitsToFloat(0x7fc00000u); }",
  fourProducts: `vec4 fourProducts(vec4 sum, vec4 a, vec4 b0, vec4 b1, vec4 b2, vec4 b3) {
    return sum + a.x * b0 + a.y * b1 + a.z * b2 + a.w * b3;
  }`,
  innerProduct: "float innerProduct(vec4 a, vec4 b) { return dot(a, b); }",
};

const kinds = {
  numbers: "MemoryOptimizedNumberTexture",
  quads: "ArrayTexture(4)",
  integer: "Integer",
  float: "Float",
} as const;

/** An argument as gpu.js wants it. */
class TextureArgument {
  readonly type: string;
  readonly texture: WebGLTexture;
  readonly size: Int32Array;
  readonly dimensions: Int32Array;
  readonly context: WebGL2RenderingContext;

  constructor(type: string, { texture, size }: Texture, dimensions: Int32Array, context: WebGL2RenderingContext) {
    this.type = type;
    this.texture = texture;
    this.size = size;
    this.dimensions = dimensions;
    this.context = context;
  }
}

export class WebGl2Device implements GpuDevice {
  readonly mode = "webgl2";
  readonly readsQuads = true;
  readonly #gl: WebGL2RenderingContext;
  readonly #gpu: GpuInstance;
  readonly #framebuffer: WebGLFramebuffer;
  readonly #maxSide: number;
  readonly #kernels = new Map<string, GpuKernel>();
  readonly #textures = new Map<GpuArray, Texture>();
  #disposed = false;

  /** Throws ERR_GPU_UNAVAILABLE where there is no WebGL2 that can render floats. */
  constructor(library: GpuLibrary, functions: readonly GpuFunction[]) {
    const gl = openContext();
    this.#gl = gl;
    this.#framebuffer = gl.createFramebuffer();
    this.#maxSide = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    // gpu.js resizes "its" canvas to the largest texture. Nothing is ever shown, so it gets a mere object to write to.
    this.#gpu = new library.GPU({ context: gl, canvas: { width: 1, height: 1 } });
    for (const [name, source] of Object.entries(natives)) this.#gpu.addNativeFunction(name, source);
    for (const { source } of functions) {
      this.#gpu.addFunction(source, { argumentTypes: { x: "Number" }, returnType: "Number" });
    }
  }

  launch(source: GpuSource, threads: Threads, args: readonly (GpuMatrix | number)[]): GpuArray {
    this.check();
    const length = lengthOf(source, threads);
    this.#checkSize(source.name, length);
    try {
      const run = this.#kernel(source, threads);
      run.setOutput(threads);
      run(...args.map((arg, i) => (typeof arg === "number" ? arg : this.#argument(arg, source.arguments[i]))));
      return this.#take(source.name, run, length);
    } catch (cause) {
      throw asBackendError(source.name, cause);
    }
  }

  upload(values: Float32Array): GpuArray {
    this.check();
    this.#checkSize("upload", values.length);
    const gl = this.#gl;
    const texels = Math.max(1, Math.ceil(values.length / 4));
    const width = Math.min(texels, Math.ceil(Math.sqrt(texels)));
    const height = Math.ceil(texels / width);
    const padded = new Float32Array(4 * width * height);
    padded.set(values);
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, width, height);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, padded);
    return this.#own({ texture, size: Int32Array.of(width, height) }, values.length);
  }

  async read(array: GpuArray, length: number): Promise<Float32Array> {
    this.check();
    const gl = this.#gl;
    const { texture, size } = this.#texture(array);
    const width = size[0];
    const rows = Math.ceil(length / (4 * width));
    const pixels = new Float32Array(4 * width * rows);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, pixels.byteLength, gl.STREAM_READ);
    gl.readPixels(0, 0, width, rows, gl.RGBA, gl.FLOAT, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, null, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    try {
      await this.#finished();
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
      gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, pixels);
      gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
      const error = gl.getError();
      this.check();
      if (error !== gl.NO_ERROR) {
        const hint = error === gl.OUT_OF_MEMORY ? "out of memory" : `error 0x${error.toString(16)}`;
        throw new TaperError("ERR_BACKEND", `the GPU reports ${hint}; what it computed cannot be trusted`);
      }
    } finally {
      gl.deleteBuffer(buffer);
    }
    return pixels.subarray(0, length);
  }

  free(array: GpuArray): void {
    const texture = this.#textures.get(array);
    if (texture) this.#gl.deleteTexture(texture.texture);
    this.#textures.delete(array);
  }

  check(): void {
    if (this.#disposed) throw disposedError();
    if (this.#gl.isContextLost()) throw new TaperError("ERR_BACKEND", lostMessage);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const { texture } of this.#textures.values()) this.#gl.deleteTexture(texture);
    this.#textures.clear();
    this.#kernels.clear();
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #kernel(source: GpuSource, threads: Threads): GpuKernel {
    let run = this.#kernels.get(source.name);
    if (!run) {
      run = this.#gpu.createKernel(source.source, {
        ...settingsOf(source, threads, kinds),
        // A thread writes a texel: by itself, or the kernel runs for each of its four channels.
        optimizeFloatMemory: source.returns !== "quad",
      });
      this.#kernels.set(source.name, run);
    }
    return run;
  }

  #argument({ array, columns, rows, planes }: GpuMatrix, kind: GpuSource["arguments"][number]): TextureArgument {
    const across = kind === "quads" ? columns / 4 : columns;
    return new TextureArgument(kinds[kind], this.#texture(array), Int32Array.of(across, rows, planes), this.#gl);
  }

  /** The texture that a kernel wrote, taken from it. */
  #take(name: string, run: GpuKernel, length: number): GpuArray {
    // gpu.js may replace a kernel that it cannot run by one for the CPU. Those for WebGL call their mode "gpu".
    const { kernel } = run;
    if (kernel.constructor.mode !== "gpu" || kernel.context !== this.#gl || !kernel.texture) {
      const reason = kernel.fallbackReason ?? "no reason given";
      throw new TaperError(
        "ERR_BACKEND",
        `${name} ran as gpu.js's "${kernel.constructor.mode}" instead of ${this.mode} (${reason})`,
      );
    }
    const { texture, size } = kernel.texture;
    kernel.texture = null;
    return this.#own({ texture, size: Int32Array.from(size) }, length);
  }

  #own(texture: Texture, length: number): GpuArray {
    const array: GpuArray = { length };
    this.#textures.set(array, texture);
    return array;
  }

  #texture(array: GpuArray): Texture {
    const texture = this.#textures.get(array);
    if (texture) return texture;
    throw freedError();
  }

  #checkSize(what: string, length: number): void {
    // gpu.js shapes a flat array as a near-square texture: a side exceeds the root by less than 2.
    if (Math.sqrt(length / 4) <= this.#maxSide - 2) return;
    throw new TaperError(
      "ERR_BACKEND",
      `${what}: an array of ${length} values does not fit this GPU's largest texture, ` +
        `${this.#maxSide} × ${this.#maxSide}; use smaller batches`,
    );
  }

  /** Resolves when the device has done all that was enqueued so far. */
  async #finished(): Promise<void> {
    const gl = this.#gl;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    try {
      for (;;) {
        this.check();
        const status = fence ? gl.clientWaitSync(fence, 0, 0) : gl.WAIT_FAILED;
        if (status === gl.ALREADY_SIGNALED || status === gl.CONDITION_SATISFIED) return;
        if (status === gl.WAIT_FAILED) {
          this.check();
          throw new TaperError("ERR_BACKEND", "waiting for the GPU failed");
        }
        await nextTask();
      }
    } finally {
      gl.deleteSync(fence);
    }
  }
}

function openContext(): WebGL2RenderingContext {
  const unavailable = (reason: string) => new TaperError("ERR_GPU_UNAVAILABLE", `gpu mode "webgl2": ${reason}`);
  const canvas =
    typeof OffscreenCanvas !== "undefined"
      ? new OffscreenCanvas(1, 1)
      : typeof document !== "undefined"
        ? document.createElement("canvas")
        : undefined;
  if (!canvas) throw unavailable("there is no canvas here; WebGL2 is a browser's (Node has none)");
  const gl = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    powerPreference: "high-performance",
  }) as WebGL2RenderingContext | null;
  if (!gl) throw unavailable("the browser gives no WebGL2 context (no GPU, a blocked one, or WebGL switched off)");
  if (!gl.getExtension("EXT_color_buffer_float")) {
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    throw unavailable("this GPU cannot render to float textures (no EXT_color_buffer_float)");
  }
  return gl;
}

/** A turn of the event loop, without the 4 ms that nested timers wait. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
