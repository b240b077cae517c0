/**
 * One GPU: its context, the kernels compiled so far, and the way in and out of its memory.
 * Every launch writes a fresh texture; who holds a texture deletes it, for nothing else ever does.
 * It refuses to answer from a lost context, from another mode than the one asked for, and from textures too large to be.
 *
 * Traps of gpu.js handled here, so that kernels need not know them:
 * - sizes are dynamic, and the output is set anew before each call: a kernel that keeps its last texture may write the
 *   next result into one of another size;
 * - precision is declared high: the default is 16 bits on phones;
 * - arrays are flat: a two-dimensional output has sides of at most 8192 or 16384;
 * - a comparison with NaN may hold, and the exponential of NaN may be a number: kernels ask isNotANumber();
 * - a variable of a kernel is a float, so a flat index is wrong above 2²⁴: kernels index by [row][column] instead.
 */
import { TaperError } from "../../engine/errors.ts";
import type { GpuArgument, GpuInstance, GpuKernel, GpuLibrary, GpuTexture } from "./gpu-library.ts";

export type GpuMode = "webgl2";

/** A kernel as source text (minifiers and coverage tools rewrite functions). `name` is its key: one name, one source. */
export interface GpuSource {
  readonly name: string;
  readonly source: string;
  readonly arguments: readonly ("ArrayTexture(1)" | "Integer" | "Input")[];
}

/** A function that kernels may call, of numbers to a number. */
export interface GpuFunction {
  readonly name: string;
  readonly source: string;
}

/** No loop of a kernel may be longer: gpu.js needs a constant bound and stops silently there. */
export const LOOP_LIMIT = 2 ** 20;

/** What kernels may call beyond Math: whole-number division, which is a float's in gpu.js, and NaN by its bits. */
const natives = {
  quotient: "int quotient(int a, int b) { return a / b; }",
  remainder: "int remainder(int a, int b) { return a - b * (a / b); }",
  isNotANumber: "float isNotANumber(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? 1.0 : 0.0; }",
  isFiniteNumber:
    "float isFiniteNumber(float x) { return (floatBitsToUint(x) & 0x7f800000u) == 0x7f800000u ? 0.0 : 1.0; }",
  notANumber: "float notANumber() { return uintBitsToFloat(0x7fc00000u); }",
};

const identity: GpuSource = {
  name: "upload",
  source: "function(values) { return values[this.thread.x]; }",
  arguments: ["Input"],
};
const overlay: GpuSource = {
  name: "overlay",
  source: `function(first, rest, count) {
    if (this.thread.x < count) return first[this.thread.x];
    return rest[this.thread.x];
  }`,
  arguments: ["ArrayTexture(1)", "ArrayTexture(1)", "Integer"],
};

export class GpuDevice {
  readonly mode: GpuMode;
  readonly #library: GpuLibrary;
  readonly #gl: WebGL2RenderingContext;
  readonly #gpu: GpuInstance;
  readonly #framebuffer: WebGLFramebuffer;
  readonly #maxSide: number;
  readonly #kernels = new Map<string, GpuKernel>();
  #disposed = false;

  /** Throws ERR_GPU_UNAVAILABLE where there is no WebGL2 that can render floats. */
  constructor(mode: GpuMode, library: GpuLibrary, functions: readonly GpuFunction[]) {
    const gl = openContext();
    this.mode = mode;
    this.#library = library;
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

  /** Runs a kernel over `count` threads and returns its output, which is the caller's to delete. */
  launch(kernel: GpuSource, count: number, args: readonly GpuArgument[]): GpuTexture {
    this.check();
    // gpu.js shapes a flat array as a near-square texture: a side exceeds √count by less than 2.
    if (Math.sqrt(count) > this.#maxSide - 2) {
      throw new TaperError(
        "ERR_BACKEND",
        `${kernel.name}: an array of ${count} values does not fit this GPU's largest texture, ` +
          `${this.#maxSide} × ${this.#maxSide}; use smaller batches`,
      );
    }
    let run = this.#kernels.get(kernel.name);
    if (!run) {
      run = this.#gpu.createKernel(kernel.source, {
        argumentTypes: kernel.arguments,
        output: [count],
        dynamicOutput: true,
        dynamicArguments: true,
        pipeline: true,
        immutable: true,
        precision: "single",
        tactic: "precision",
        strictIntegers: true,
        loopMaxIterations: LOOP_LIMIT,
      });
      this.#kernels.set(kernel.name, run);
    }
    run.setOutput([count]);
    const output = run(...args);
    // gpu.js may replace a kernel that it cannot run by one for the CPU. Those for WebGL call their mode "gpu".
    const { kernel: chosen } = run;
    if (chosen.constructor.mode !== "gpu" || chosen.context !== this.#gl) {
      const reason = chosen.fallbackReason ?? "no reason given";
      throw new TaperError(
        "ERR_BACKEND",
        `${kernel.name} ran as gpu.js's "${chosen.constructor.mode}" instead of ${this.mode} (${reason})`,
      );
    }
    // The kernel counts itself as a second owner of its last output; give that up, or deleting would not free it.
    chosen.texture.delete();
    return output;
  }

  /** Copies values to the device. */
  upload(values: Float32Array): GpuTexture {
    return this.launch(identity, values.length, [this.#library.input(values, [values.length])]);
  }

  /** A copy of `rest` [length] whose first `count` values are those of `first`. */
  overlay(first: GpuTexture, count: number, rest: GpuTexture, length: number): GpuTexture {
    return this.launch(overlay, length, [shaped(first, 1, count), shaped(rest, 1, length), count]);
  }

  /**
   * The first `length` values of a texture, as they are when this is called: later launches do not change them.
   * Throws ERR_BACKEND if the context is lost or the device reports an error: a lost context reads as zeros.
   */
  async read(texture: GpuTexture, length: number): Promise<Float32Array> {
    this.check();
    const gl = this.#gl;
    const width = texture.size[0];
    const rows = Math.ceil(length / width);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture.texture, 0);
    // RGBA floats can always be read; most drivers also read the one channel there is.
    const tight =
      gl.getParameter(gl.IMPLEMENTATION_COLOR_READ_FORMAT) === gl.RED &&
      gl.getParameter(gl.IMPLEMENTATION_COLOR_READ_TYPE) === gl.FLOAT;
    const channels = tight ? 1 : 4;
    const pixels = new Float32Array(width * rows * channels);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, pixels.byteLength, gl.STREAM_READ);
    gl.readPixels(0, 0, width, rows, tight ? gl.RED : gl.RGBA, gl.FLOAT, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
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
    if (tight) return pixels.subarray(0, length);
    return Float32Array.from({ length }, (_, i) => pixels[i * channels]);
  }

  /** Throws ERR_DISPOSED after dispose(), ERR_BACKEND if the context is lost. */
  check(): void {
    if (this.#disposed) throw new TaperError("ERR_DISPOSED", "this gpu backend was disposed; make a new one");
    if (this.#gl.isContextLost()) {
      throw new TaperError(
        "ERR_BACKEND",
        "the GPU's context was lost (a driver reset, a suspended machine, or more than 16 contexts in the page), " +
          "and everything on it; dispose this backend and make a new one",
      );
    }
  }

  /** Gives the context back, and with it every texture. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#kernels.clear();
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
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

/** The texture as kernels shall index it: [row][column]. The texture itself stays as it is. */
export function shaped(texture: GpuTexture, rows: number, columns: number): GpuTexture {
  return Object.create(texture, { dimensions: { value: [columns, rows, 1] } });
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
