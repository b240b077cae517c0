/**
 * The engine of a wasm backend: a module instantiated over its memory, the machine that kernels see, their forms; with workers or without.
 * Its handles are wasm.ts's affair. Without workers nothing here asks for shared memory or atomic instructions.
 */
import { TaperError } from "../../engine/errors.ts";
import { accumulate, add } from "../add/wasm.ts";
import { panelWidth } from "../assembler/block.ts";
import { gemmScratchBytes } from "../assembler/gemm.ts";
import { type Heap, heapIn } from "../assembler/heap.ts";
import { type Machine, roundUp, type WasmHandle } from "../assembler/machine.ts";
import { constantEnd, type MemoryImport, tailBytes } from "../assembler/module.ts";
import type { Program } from "../assembler/program.ts";
import { controlBytes } from "../assembler/threads.ts";
import type { Variant } from "../assembler/variant.ts";
import { attentionGradient } from "../attention/gradient-wasm.ts";
import { attention } from "../attention/wasm.ts";
import { blend, blendGradient } from "../blend/wasm.ts";
import { crossEntropy, crossEntropyGradient } from "../cross-entropy/wasm.ts";
import { dropout, dropoutGradient } from "../dropout/wasm.ts";
import { embed } from "../embed/wasm.ts";
import { gather, gatherGradient } from "../gather/wasm.ts";
import { gelu, geluGradient } from "../gelu/wasm.ts";
import type { Forms, TrainingOps } from "../index.ts";
import { layerNorm, layerNormGradient } from "../layer-norm/wasm.ts";
import { matmul, matmulInputGradient, matmulWeightGradient } from "../matmul/wasm.ts";
import { fusesDot } from "../matmul-int8/fused-dot.ts";
import { matmulInt8 } from "../matmul-int8/wasm.ts";
import { scatter } from "../scatter/wasm.ts";
import { softmax, softmaxGradient } from "../softmax/wasm.ts";
import { tanh, tanhGradient } from "../tanh/wasm.ts";
import { scalarTrainingForms } from "./scalar-training.ts";
import type { WasmBuffer } from "./wasm-buffer.ts";
import type { Workers } from "./wasm-workers.ts";

/** What a backend lets go of when it is disposed, so that its memory goes though somebody still holds the backend or a handle. */
export interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly heap: Heap;
  readonly machine: Machine;
  readonly forms: Forms<TrainingOps<WasmHandle>>;
  /** The buffers in use. */
  readonly live: Set<WasmBuffer>;
  readonly workers?: Workers;
}

const initialPages = 32;
/** 4 GiB, all that an address reaches. Shared memory needs a limit, and engines set that much address space aside. */
const maximumPages = 65536;

export const unsharedMemory: MemoryImport = { initialPages };
export const sharedMemory: MemoryImport = { initialPages, maximumPages, shared: true };

/** Scratch memory of an instance, rounded up so that no two threads write to one line. */
const scratchBytes = roundUp(tailBytes + gemmScratchBytes, 128);

type Run = Machine["run"];

export function startEngine(program: Program, variant: Variant, compiled?: WebAssembly.Module): Engine {
  const memory = new WebAssembly.Memory({ initial: initialPages });
  const call = instantiate(compiled ?? new WebAssembly.Module(program.bytes), memory, constantEnd);
  return engineOn({
    program,
    variant,
    memory,
    call,
    fusesDot: fusesDot(call, memory, constantEnd),
    threads: 1,
    run: runAlone(call),
    heapStart: constantEnd + scratchBytes,
  });
}

/** Throws ERR_BACKEND if there is no shared memory here, or a worker cannot start. */
export async function startThreadedEngine(
  program: Program,
  variant: Variant,
  { threads, aloneMs }: { readonly threads: number; readonly aloneMs?: number },
  compiled?: WebAssembly.Module,
): Promise<Engine> {
  const memory = allocateShared();
  const module = compiled ?? new WebAssembly.Module(program.bytes);
  const scratches = Array.from({ length: threads + 1 }, (_, i) => constantEnd + controlBytes + i * scratchBytes);
  const call = instantiate(module, memory, scratches[0]);
  const fuses = fusesDot(call, memory, scratches[0]);
  const here = { program, variant, memory, call, fusesDot: fuses, threads, heapStart: scratches[threads] };
  if (threads === 1) return engineOn({ ...here, run: runAlone(call) });

  const { startWorkers } = await import("./wasm-workers.ts");
  const { tasks } = program;
  const workers = await startWorkers({
    ...{ module, memory, call, tasks },
    control: constantEnd,
    scratches: scratches.slice(1, -1),
    ...(aloneMs !== undefined && { aloneMs }),
  });
  // What the caller does alone comes after what is under way.
  const inTurn = Object.fromEntries(
    Object.entries(call).map(([name, f]) => [
      name,
      (...args: number[]) => {
        workers.finish();
        f(...args);
      },
    ]),
  );
  const alone = runAlone(call);
  const run: Run = (task, args, chunks) => {
    if (chunks > 1) return workers.run(task, args, chunks);
    workers.finish();
    alone(task, args, chunks);
  };
  return { ...engineOn({ ...here, call: inTurn, run, finish: workers.finish }), workers };
}

const runAlone =
  (call: Machine["call"]): Run =>
  (task, args, chunks) =>
    call[task](...args, 0, chunks);

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory, scratch: number): Machine["call"] {
  return new WebAssembly.Instance(module, { env: { memory, scratch, thread: 0 } }).exports as Machine["call"];
}

/** Halves its wish where so much address space is not to be had: the least still holds a large model. */
function allocateShared(): WebAssembly.Memory {
  for (let maximum = maximumPages; maximum >= maximumPages / 8; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: initialPages, maximum, shared: true });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new TaperError("ERR_BACKEND", "wasm: no address space for shared memory; ask for threads: 1");
}

interface Parts {
  readonly program: Program;
  readonly variant: Variant;
  readonly memory: WebAssembly.Memory;
  readonly call: Machine["call"];
  readonly fusesDot: boolean;
  readonly threads: number;
  readonly run: Run;
  /** Returns when nothing is under way. */
  readonly finish?: () => void;
  readonly heapStart: number;
}

function engineOn({ program, variant, memory, call, fusesDot, threads, run, finish, heapStart }: Parts): Engine {
  const heap = heapIn(memory, heapStart);
  let workspace = { address: 0, bytes: 0 };
  const machine: Machine = {
    call,
    variant,
    panelWidth: panelWidth(variant),
    fusesDot,
    zeros: program.zeros,
    threads,
    run,
    workspace(bytes) {
      if (bytes > workspace.bytes) {
        if (workspace.bytes > 0) heap.give(workspace.address, threads * workspace.bytes);
        workspace = { address: heap.take(threads * bytes), bytes };
      }
      return workspace.address;
    },
    floats(address, length) {
      finish?.();
      return new Float32Array(memory.buffer, address, length);
    },
  };
  return { memory, heap, machine, forms: formsOn(machine), live: new Set() };
}

function formsOn(machine: Machine): Forms<TrainingOps<WasmHandle>> {
  return {
    ...scalarTrainingForms,
    matmul: matmul(machine),
    matmulInt8: matmulInt8(machine),
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
