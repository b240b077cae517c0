/**
 * The GPU backend, by gpu.js: handles name arrays there, operations are launches, only `read` waits for the device.
 * It infers and does not train. It never falls back to a CPU: the caller chooses
 * a backend, and one that cannot run here throws ERR_GPU_UNAVAILABLE with the reason.
 */
import type { Handle } from "../../engine/backend.ts";
import { nearestName, refuseUnknown, TaperError } from "../../engine/errors.ts";
import { flatten, type View } from "../../engine/view.ts";
import { add } from "../add/gpu.ts";
import { attention } from "../attention/gpu.ts";
import { blend } from "../blend/gpu.ts";
import { checkOperands } from "../check.ts";
import { embed } from "../embed/gpu.ts";
import { gather } from "../gather/gpu.ts";
import { gelu, geluFunction } from "../gelu/gpu.ts";
import type { Forms, InferenceBackend, InferenceOps } from "../index.ts";
import { layerNorm } from "../layer-norm/gpu.ts";
import { matmul } from "../matmul/gpu.ts";
import { scatter } from "../scatter/gpu.ts";
import { softmax } from "../softmax/gpu.ts";
import { tanh, tanhFunction } from "../tanh/gpu.ts";
import type { GpuDevice, GpuMode } from "./gpu-device.ts";
import { GpuHandle } from "./gpu-handle.ts";
import { type GpuLibrary, importLibrary } from "./gpu-library.ts";
import { selfTest } from "./gpu-self-test.ts";
import { WebGl2Device } from "./gpu-webgl2.ts";
import { WebGpuDevice, type WebGpuProvider } from "./gpu-webgpu.ts";

export interface GpuOptions {
  /**
   * "webgl2" (the default): a browser's WebGL2, also in workers. "webgpu": where there is an adapter. Of a list, the first that can run
   * and passes its self-test.
   */
  readonly mode?: GpuMode | readonly GpuMode[] | undefined;
  /** For mode "webgpu": what to ask for an adapter, where there is no `navigator.gpu`. In Node: `create([])` of npm's `webgpu`. */
  readonly provider?: WebGpuProvider | undefined;
}

type Ops = InferenceOps<GpuHandle>;

const modes: readonly GpuMode[] = ["webgl2", "webgpu"];
const functions = [geluFunction, tanhFunction];
/** Arrays hold 32-bit floats, in which 2²⁴ and 2²⁴ + 1 are the same number. */
const LARGEST_INTEGER = 2 ** 24 - 1;

/**
 * Opens a GPU and checks that it computes what it should.
 * One per page: a browser keeps 16 contexts, and the 17th takes the first one away. `dispose()` gives it back.
 * Throws ERR_OPTION for an unknown option or mode; ERR_GPU_UNAVAILABLE, with each mode's reason, where none can run.
 */
export async function gpu(options: GpuOptions = {}): Promise<InferenceBackend<GpuHandle>> {
  refuseUnknown(options, ["mode", "provider"], "gpu()");
  const { mode = "webgl2" } = options;
  const wanted: readonly GpuMode[] = typeof mode === "string" ? [mode] : mode;
  checkModes(wanted);
  const library = await importLibrary();
  const reasons: TaperError[] = [];
  for (const each of wanted) {
    try {
      return await open(each, library, options.provider);
    } catch (error) {
      if (!(error instanceof TaperError)) throw error;
      reasons.push(error);
    }
  }
  throw reasons.length === 1
    ? reasons[0]
    : new TaperError("ERR_GPU_UNAVAILABLE", reasons.map(({ message }) => message).join("; "), { cause: reasons });
}

function checkModes(wanted: readonly GpuMode[]): void {
  if (wanted.length === 0)
    throw new TaperError("ERR_OPTION", `gpu(): the list of modes is empty; modes: ${modes.join(", ")}.`);
  for (const mode of wanted) {
    if (modes.includes(mode)) continue;
    const near = nearestName(String(mode), modes);
    const hint = near ? `did you mean "${near}"?` : `modes: ${modes.join(", ")}.`;
    throw new TaperError("ERR_OPTION", `gpu() has no mode "${mode}"; ${hint}`);
  }
}

/** Exactly this mode, checked. Throws ERR_GPU_UNAVAILABLE. */
async function open(
  mode: GpuMode,
  library: GpuLibrary,
  provider: WebGpuProvider | undefined,
): Promise<InferenceBackend<GpuHandle>> {
  const backend = new GpuBackend(
    mode === "webgl2" ? new WebGl2Device(library, functions) : await WebGpuDevice.open(library, functions, provider),
  );
  try {
    await selfTest(backend);
  } catch (cause) {
    backend.dispose();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TaperError("ERR_GPU_UNAVAILABLE", `gpu mode "${mode}": ${reason}`, { cause });
  }
  return backend;
}

class GpuBackend implements InferenceBackend<GpuHandle> {
  readonly name = "gpu";
  readonly variant: GpuMode;
  readonly #device: GpuDevice;
  readonly #forms: Forms<Ops>;

  constructor(device: GpuDevice) {
    this.#device = device;
    this.variant = device.mode;
    this.#forms = {
      matmul: matmul(device),
      matmulInt8: refuseInt8,
      attention: attention(device),
      softmax: softmax(device),
      layerNorm: layerNorm(device),
      gelu: gelu(device),
      tanh: tanh(device),
      embed: embed(device),
      gather: gather(device),
      scatter: scatter(device),
      add: add(device),
      blend: blend(device),
    } satisfies Forms<Ops>;
  }

  allocate(length: number, kind: "f32" | "i32" = "f32"): GpuHandle {
    this.#device.check();
    return new GpuHandle(this.#device, length, kind);
  }

  upload(values: View<Float32Array | Float64Array | Int32Array>): GpuHandle {
    return this.#filled(flatten(values), values.data instanceof Int32Array ? "i32" : "f32");
  }

  pack(matrix: View<Float32Array | Float64Array>): GpuHandle {
    return this.#filled(flatten(matrix), "packed");
  }

  packInt8(): never {
    return refuseInt8();
  }

  write(handle: GpuHandle, values: ArrayLike<number>): void {
    this.#refuse(handle, values.length, "write");
    if (handle.kind === "i32") refuseLargeIntegers(values);
    handle.write(values);
  }

  op<K extends keyof Ops>(name: K, args: Ops[K]): void {
    this.#device.check();
    checkOperands(name, args, this.#isAlive);
    this.#forms[name](args);
  }

  async read(handle: GpuHandle, length = handle.length): Promise<Float32Array> {
    this.#refuse(handle, length, "read");
    return handle.read(length);
  }

  release(handle: GpuHandle): void {
    handle.release();
  }

  dispose(): void {
    this.#device.dispose();
  }

  readonly #isAlive = (handle: Handle): boolean => handle instanceof GpuHandle && handle.isAliveOn(this.#device);

  #refuse(handle: GpuHandle, length: number, what: string): void {
    this.#device.check();
    if (!this.#isAlive(handle)) {
      throw new TaperError("ERR_DISPOSED", `${what}: the handle was released, or belongs to another backend`);
    }
    if (length > handle.length) {
      const found = `its buffer holds ${handle.length}`;
      throw new TaperError("ERR_INPUT", `${what}: ${length} values asked for, ${found}; allocate a longer one`);
    }
  }

  #filled(values: Float32Array, kind: GpuHandle["kind"]): GpuHandle {
    this.#device.check();
    if (kind === "i32") refuseLargeIntegers(values);
    const handle = new GpuHandle(this.#device, values.length, kind);
    handle.write(values);
    return handle;
  }
}

function refuseInt8(): never {
  throw new TaperError(
    "ERR_BACKEND",
    'the gpu backend has no 8-bit product; load a model in float32, with dtype: "f32"',
  );
}

function refuseLargeIntegers(values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) <= LARGEST_INTEGER) continue;
    throw new TaperError(
      "ERR_INPUT",
      `the gpu backend holds integers up to ±${LARGEST_INTEGER}; value ${i} is ${values[i]}`,
    );
  }
}
