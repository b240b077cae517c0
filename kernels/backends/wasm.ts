/**
 * The WebAssembly SIMD backend: every buffer in one memory, every operation a few calls into a module assembled at start.
 * It runs and it trains. Threads, where asked for, share the chunks of an operation; what a chunk computes does not depend on their
 * number. The wide variant is never chosen here: V8's flag for it is the whole process's affair.
 */
import type { Handle, Kind } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { sizeOf, view } from "../../engine/view.ts";
import { panelWidth } from "../assembler/block.ts";
import type { MemoryImport } from "../assembler/module.ts";
import { packedLayout } from "../assembler/packed.ts";
import { assemble, type Program } from "../assembler/program.ts";
import type { Variant } from "../assembler/variant.ts";
import { checkOperands } from "../check.ts";
import type { TrainingBackend, TrainingKernelName, TrainingOps } from "../index.ts";
import { packRows, packWeights } from "../matmul/wasm.ts";
import { packInt8, partsOf } from "../matmul-int8/packing.ts";
import { int8Tiles } from "../matmul-int8/tile.ts";
import { copy } from "./arrays.ts";
import { type Cells, type Home, WasmBuffer } from "./wasm-buffer.ts";
import { type Engine, sharedMemory, startEngine, startThreadedEngine, unsharedMemory } from "./wasm-engine.ts";
import { intakeOn, type Keep } from "./wasm-intake.ts";
import { programOf } from "./wasm-module.ts";

export interface WasmOptions {
  /** The build to run; left out: relaxed where the engine has it, else plain. */
  readonly variant?: Variant;
  /** Called if the engine rejects relaxed SIMD; where it only needs a flag for it (Node 20), this may set it. */
  readonly enableRelaxed?: () => void;
  /** What to run, compiled already (wasm-module.ts); it says which build it is. */
  readonly module?: WebAssembly.Module;
}

export interface ThreadedWasmOptions extends WasmOptions {
  /** How many, the calling one included. Their memory is shared even if it is one. More than the processor's cores slow each other down. */
  readonly threads: number;
  /** Milliseconds of work that the caller does alone before it wakes workers that sleep. Left out: about what makes up for waking. */
  readonly aloneMs?: number;
}

export interface WasmBackend extends TrainingBackend<WasmBuffer> {
  readonly variant: Variant;
  /** Threads that share an operation, the caller's included. */
  readonly threads: number;
  /** Whether 8-bit products are the processor's own dot products (AVX-VNNI, Arm's): about twice as fast, with the same results. */
  readonly fusesDot: boolean;
  /** Here at once: there is nothing to wait for but what other threads still do of the last operation. */
  read(handle: WasmBuffer, length?: number, room?: Float32Array): Float32Array;
}

/** On the calling thread. Throws ERR_BACKEND if this engine has no WebAssembly SIMD, or not the variant asked for. */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  const { variant, program } = chooseProgram(options, unsharedMemory);
  return backendOn(startEngine(program, variant, options.module), variant);
}

/**
 * On several threads, ready when it resolves. They end with `dispose()`, and with the process, which they do not keep alive; one that
 * ends on its own makes every later operation throw ERR_BACKEND. Throws ERR_BACKEND if this engine has no WebAssembly SIMD, no shared
 * memory or no worker threads, or not the variant asked for.
 */
export async function threadedWasmBackend({ threads, aloneMs, ...options }: ThreadedWasmOptions): Promise<WasmBackend> {
  const { variant, program } = chooseProgram(options, sharedMemory);
  const sharing = { threads, ...(aloneMs !== undefined && { aloneMs }) };
  const started = await startThreadedEngine(program, variant, sharing, options.module);
  return backendOn(started, variant);
}

function backendOn(started: Engine, variant: Variant): WasmBackend {
  const width = panelWidth(variant);
  let running: Engine | undefined = started;

  const engine = (): Engine => {
    if (running === undefined) throw new TaperError("ERR_DISPOSED", "the wasm backend was disposed; make a new one");
    return running;
  };
  /** The same, with nothing under way: for whoever touches what operations read and write. */
  const settled = (): Engine => {
    const { workers } = engine();
    workers?.finish();
    return engine();
  };
  const home: Home = { memoryOf: (kind) => (kind === "i32" ? engine() : settled()).memory };
  const isAlive = (handle: Handle): boolean => handle instanceof WasmBuffer && handle.home === home;
  const refuse = (handle: Handle, length: number, what: string): void => {
    settled();
    if (!isAlive(handle)) {
      throw new TaperError("ERR_DISPOSED", `${what}: the handle was released, or belongs to another backend`);
    }
    if (length > handle.length) {
      const found = `its buffer holds ${handle.length}`;
      throw new TaperError("ERR_INPUT", `${what}: ${length} values asked for, ${found}; allocate a longer one`);
    }
  };
  const keep: Keep = (kind, length, zeroed = false, bytes = 4 * length) => {
    const { heap, live } = settled();
    const address = zeroed ? heap.takeZeroed(bytes) : heap.take(bytes);
    const buffer = new WasmBuffer(kind, length, address, bytes, home);
    live.add(buffer);
    return buffer;
  };
  /** What a caller passed, after memory may have grown: a view of this very memory is then detached and must be made again. */
  const seenAnew = <T extends Cells | Float64Array>(data: T): (() => T) => {
    const { memory } = engine();
    if (data.buffer !== memory.buffer) return () => data;
    const { byteOffset, length } = data;
    const Same = data.constructor as new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;
    return () => new Same(memory.buffer, byteOffset, length);
  };

  const run = <K extends TrainingKernelName>(name: K, args: TrainingOps<WasmBuffer>[K]): void => {
    const { forms, workers } = engine();
    workers?.check();
    forms[name](args);
  };

  return {
    name: "wasm",
    variant,
    threads: started.machine.threads,
    fusesDot: started.machine.fusesDot,
    allocate(length: number, kind: Kind = "f32") {
      return keep(kind, length, true);
    },
    upload(values) {
      const here = seenAnew(values.data);
      const handle = keep(values.data instanceof Int32Array ? "i32" : "f32", sizeOf(values));
      const { shape, stride, offset } = values;
      const data = here();
      const isRowMajor = view(data, shape, offset).stride.every((step, axis) => step === stride[axis]);
      if (isRowMajor) handle.data.set(data.subarray(offset, offset + handle.length));
      else copy({ ...values, data }, handle.data);
      return handle;
    },
    pack(matrix) {
      const [k, m] = matrix.shape;
      const here = seenAnew(matrix.data);
      const { length } = packedLayout(k, m, width);
      const handle = keep("packed", length, true);
      const { machine, memory } = engine();
      const { stride, offset } = matrix;
      const data = here();
      const isTransposedHere = data.buffer === memory.buffer && stride[0] === 1;
      if (isTransposedHere) {
        const from = data.byteOffset + 4 * offset;
        packRows(machine, handle.address, from, 4 * stride[1], k, m);
      } else packWeights(machine.floats(handle.address, handle.length), { ...matrix, data }, width);
      return handle;
    },
    packInt8(matrix) {
      const { m, k } = matrix;
      const layout = int8Tiles[variant];
      const handle = keep("int8", m * k, true, partsOf(k, m, layout).bytes);
      packInt8(engine().memory.buffer, handle.address, matrix, layout);
      return handle;
    },
    write(handle, values) {
      refuse(handle, values.length, "write");
      handle.data.set(values);
    },
    op(name, args) {
      engine();
      checkOperands(name, args, isAlive);
      run(name, args);
    },
    halves: { check: (name, args) => checkOperands(name, args, isAlive), run },
    read(handle, length = handle.length, room) {
      refuse(handle, length, "read");
      const { data } = handle;
      if (room === undefined) return floatsOf(data, length);
      for (let i = 0; i < length; i++) room[i] = data[i];
      return room.subarray(0, length);
    },
    release(handle) {
      if (!running?.live.delete(handle)) return;
      running.heap.give(handle.address, handle.bytes);
      handle.leave();
    },
    intake: intakeOn(settled, keep),
    dispose() {
      for (const buffer of running?.live ?? []) buffer.leave();
      running?.live.clear();
      running?.workers?.end();
      running = undefined;
    },
  };
}

/** A copy that nobody else sees, in memory of its own. */
const floatsOf = (data: Cells, length: number): Float32Array =>
  data instanceof Float32Array ? data.slice(0, length) : new Float32Array(data.subarray(0, length));

function chooseProgram(
  { variant, enableRelaxed, module }: WasmOptions,
  memory: MemoryImport,
): { variant: Variant; program: Program } {
  if (module !== undefined) return programOf(module, memory);
  const candidates: readonly Variant[] = variant ? [variant] : ["relaxed", "plain"];
  for (const candidate of candidates) {
    const program = assemble(candidate, memory);
    if (isAccepted(program)) return { variant: candidate, program };
    if (candidate === "plain") continue;
    enableRelaxed?.();
    if (isAccepted(program)) return { variant: candidate, program };
  }
  const found = variant ? `not the "${variant}" build's instructions` : "no 128-bit SIMD";
  throw new TaperError("ERR_BACKEND", `wasm: this engine has ${found}; ask for the "scalar" backend or a newer engine`);
}

const isAccepted = ({ bytes }: Program): boolean => typeof WebAssembly === "object" && WebAssembly.validate(bytes);
