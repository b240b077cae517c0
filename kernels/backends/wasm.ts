/**
 * The WebAssembly SIMD backend: every buffer in one memory, every operation a few calls into a module assembled at start.
 * It runs and it trains, on one thread. The wide variant is never chosen here: V8's flag for it is the whole process's affair.
 */
import type { Handle, Kind } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { sizeOf, view } from "../../engine/view.ts";
import { accumulate, add } from "../add/wasm.ts";
import { gemmScratchBytes, panelWidth } from "../assembler/gemm.ts";
import { type Heap, heapIn } from "../assembler/heap.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import { constantEnd, tailBytes } from "../assembler/module.ts";
import { assemble, type Program } from "../assembler/program.ts";
import type { Variant } from "../assembler/variant.ts";
import { attentionGradient } from "../attention/gradient-wasm.ts";
import { attention } from "../attention/wasm.ts";
import { blend, blendGradient } from "../blend/wasm.ts";
import { checkOperands } from "../check.ts";
import { crossEntropy, crossEntropyGradient } from "../cross-entropy/wasm.ts";
import { dropout, dropoutGradient } from "../dropout/wasm.ts";
import { embed } from "../embed/wasm.ts";
import { gather, gatherGradient } from "../gather/wasm.ts";
import { gelu, geluGradient } from "../gelu/wasm.ts";
import type { Forms, TrainingBackend, TrainingOps } from "../index.ts";
import { layerNorm, layerNormGradient } from "../layer-norm/wasm.ts";
import { matmul, matmulInputGradient, matmulWeightGradient, packedLength, packWeights } from "../matmul/wasm.ts";
import { packInt8, partsOf } from "../matmul-int8/packing.ts";
import { int8Tiles } from "../matmul-int8/tile.ts";
import { matmulInt8 } from "../matmul-int8/wasm.ts";
import { scatter } from "../scatter/wasm.ts";
import { softmax, softmaxGradient } from "../softmax/wasm.ts";
import { tanh, tanhGradient } from "../tanh/wasm.ts";
import { copy } from "./arrays.ts";
import { scalarTrainingForms } from "./scalar-training.ts";
import { intakeOn, type Keep } from "./wasm-intake.ts";

const initialPages = 32;

export interface WasmOptions {
  /** The build to run; left out: relaxed where the engine has it, else plain. */
  readonly variant?: Variant;
  /** Called if the engine rejects relaxed SIMD; where it only needs a flag for it (Node 20), this may set it. */
  readonly enableRelaxed?: () => void;
}

export interface WasmBackend extends TrainingBackend<WasmHandle> {
  readonly variant: Variant;
  /** Here at once: the CPU has answered when `op` returns. */
  read(handle: WasmHandle, length?: number): Float32Array;
}

type Cells = Float32Array | Int32Array;

/** What a backend lets go of when it is disposed, so that its memory goes though somebody still holds the backend or a handle. */
interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly heap: Heap;
  readonly machine: Machine;
  readonly forms: Forms<TrainingOps<WasmHandle>>;
  /** The buffers in use, each with a view of it as memory was when somebody last looked. */
  readonly live: Map<Handle, Cells>;
}

/** Throws ERR_BACKEND if this engine has no WebAssembly SIMD, or not the variant asked for. */
export function wasmBackend(options: WasmOptions = {}): WasmBackend {
  const { variant, program } = chooseProgram(options);
  const width = panelWidth(variant);
  let running: Engine | undefined = start(program, variant);

  const engine = (): Engine => {
    if (running === undefined) throw new TaperError("ERR_DISPOSED", "the wasm backend was disposed; make a new one");
    return running;
  };
  const refuse = (handle: Handle, length: number, what: string): void => {
    if (!engine().live.has(handle)) {
      throw new TaperError("ERR_DISPOSED", `${what}: the handle was released, or belongs to another backend`);
    }
    if (length > handle.length) {
      const found = `its buffer holds ${handle.length}`;
      throw new TaperError("ERR_INPUT", `${what}: ${length} values asked for, ${found}; allocate a longer one`);
    }
  };
  const keep: Keep = (kind, length, zeroed = false, bytes = 4 * length) => {
    const { heap, live } = engine();
    const address = zeroed ? heap.takeZeroed(bytes) : heap.take(bytes);
    const Cells = kind === "i32" ? Int32Array : Float32Array;
    const handle: WasmHandle = {
      kind,
      length,
      address,
      bytes,
      get data() {
        const { memory } = engine();
        let cells = live.get(handle);
        if (cells?.buffer !== memory.buffer) {
          cells = new Cells(memory.buffer, address, bytes / 4);
          if (live.has(handle)) live.set(handle, cells);
        }
        return cells;
      },
    };
    live.set(handle, new Cells(engine().memory.buffer, address, bytes / 4));
    return handle;
  };
  /** What a caller passed, after memory may have grown: a view of this very memory is then detached and must be made again. */
  const seenAnew = <T extends Cells | Float64Array>(data: T): (() => T) => {
    const { memory } = engine();
    if (data.buffer !== memory.buffer) return () => data;
    const { byteOffset, length } = data;
    const Same = data.constructor as new (buffer: ArrayBuffer, byteOffset: number, length: number) => T;
    return () => new Same(memory.buffer, byteOffset, length);
  };

  return {
    name: "wasm",
    variant,
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
      const handle = keep("packed", packedLength(k, m, width), true);
      const { machine, memory } = engine();
      const { stride, offset } = matrix;
      const data = here();
      const isTransposedHere = data.buffer === memory.buffer && stride[0] === 1;
      if (isTransposedHere) {
        const from = data.byteOffset + 4 * offset;
        machine.call.packTransposed(handle.address, from, 4 * stride[1], k, m);
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
      const { forms, live } = engine();
      checkOperands(name, args, (handle) => live.has(handle));
      forms[name](args);
    },
    read(handle, length = handle.length) {
      refuse(handle, length, "read");
      return new Float32Array(handle.data.subarray(0, length));
    },
    release(handle) {
      if (running?.live.delete(handle)) running.heap.give(handle.address, handle.bytes);
    },
    intake: intakeOn(engine, keep),
    dispose() {
      running?.live.clear();
      running = undefined;
    },
  };
}

function start({ bytes, zeros }: Program, variant: Variant): Engine {
  const memory = new WebAssembly.Memory({ initial: initialPages });
  const scratch = constantEnd;
  const env = { memory, scratch, thread: 0 };
  const call = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports as Machine["call"];
  const heap = heapIn(memory, scratch + tailBytes + gemmScratchBytes);
  let workspace = { address: 0, bytes: 0 };
  const machine: Machine = {
    call,
    panelWidth: panelWidth(variant),
    zeros,
    threads: 1,
    run: (task, args, chunks) => call[task](...args, 0, chunks),
    workspace(bytes) {
      if (bytes > workspace.bytes) {
        if (workspace.bytes > 0) heap.give(workspace.address, workspace.bytes);
        workspace = { address: heap.take(bytes), bytes };
      }
      return workspace.address;
    },
    floats: (address, length) => new Float32Array(memory.buffer, address, length),
  };
  return { memory, heap, machine, forms: formsOn(machine, variant), live: new Map() };
}

function chooseProgram({ variant, enableRelaxed }: WasmOptions): { variant: Variant; program: Program } {
  const candidates: readonly Variant[] = variant ? [variant] : ["relaxed", "plain"];
  for (const candidate of candidates) {
    const program = assemble(candidate, { initialPages });
    if (isAccepted(program)) return { variant: candidate, program };
    if (candidate === "plain") continue;
    enableRelaxed?.();
    if (isAccepted(program)) return { variant: candidate, program };
  }
  const found = variant ? `not the "${variant}" build's instructions` : "no 128-bit SIMD";
  throw new TaperError("ERR_BACKEND", `wasm: this engine has ${found}; ask for the "scalar" backend or a newer engine`);
}

const isAccepted = ({ bytes }: Program): boolean => typeof WebAssembly === "object" && WebAssembly.validate(bytes);

function formsOn(machine: Machine, variant: Variant): Forms<TrainingOps<WasmHandle>> {
  return {
    ...scalarTrainingForms,
    matmul: matmul(machine),
    matmulInt8: matmulInt8(machine, variant),
    attention: attention(machine),
    softmax: softmax(machine),
    layerNorm: layerNorm(machine),
    gelu: gelu(machine),
    tanh: tanh(machine),
    embed: embed(machine),
    gather: gather(machine),
    scatter: scatter(machine),
    add: add(machine),
    blend: blend(machine),
    matmulInputGradient: matmulInputGradient(machine),
    matmulWeightGradient: matmulWeightGradient(machine),
    attentionGradient: attentionGradient(machine),
    softmaxGradient: softmaxGradient(machine),
    layerNormGradient: layerNormGradient(machine),
    geluGradient: geluGradient(machine),
    tanhGradient: tanhGradient(machine),
    gatherGradient: gatherGradient(machine),
    accumulate: accumulate(machine),
    blendGradient: blendGradient(machine),
    crossEntropy: crossEntropy(machine),
    crossEntropyGradient: crossEntropyGradient(machine),
    dropout: dropout(machine),
    dropoutGradient: dropoutGradient(machine),
  };
}
