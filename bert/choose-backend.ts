/**
 * Which backend a model runs on. "auto" is the fastest that this engine can run on its CPU; a GPU is only ever asked for by name,
 * because moving data there and back costs more than small models do.
 */
import { show, TaperError } from "../engine/errors.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";
import { scalarBackend } from "../kernels/backends/scalar.ts";
import { type ThreadCount, threadCount } from "../kernels/backends/thread-count.ts";
import { threadedWasmBackend, type WasmBackend, wasmBackend } from "../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../kernels/index.ts";

export type BackendName = "auto" | "wasm" | "scalar" | "reference";

export interface ChosenBackend {
  readonly backend: InferenceBackend;
  /** Why this one, in words. */
  readonly why: string;
  /** Threads that share each of its operations, and why so many. */
  readonly threads: ThreadCount;
}

/** On at most `threads` threads. Throws ERR_BACKEND if the one asked for cannot run here. */
export async function chooseBackend(wanted: BackendName | InferenceBackend, threads = 1): Promise<ChosenBackend> {
  const alone = { count: 1, why: `the ${wanted} backend computes on the calling thread` };
  if (isBackend(wanted)) {
    const { threads: count = 1 } = wanted as Partial<WasmBackend>;
    const why = "given by the caller";
    return { backend: wanted, why, threads: { count, why } };
  }
  switch (wanted) {
    case "reference": {
      // Loaded on demand: it stands on ndarray, which builds code from strings.
      const { referenceBackend } = await import("../kernels/backends/reference.ts");
      return {
        backend: referenceBackend(),
        why: "asked for by name: float64, slow, the definition of every kernel",
        threads: alone,
      };
    }
    case "scalar":
      return { backend: scalarBackend(), why: "asked for by name", threads: alone };
    case "wasm":
      return { ...(await wasmOn(threadCount(threads))), why: "asked for by name" };
    case "auto":
      return fastest(threadCount(threads));
    default:
      throw new TaperError(
        "ERR_OPTION",
        `backend: expected "auto", "wasm", "scalar", "reference" or a backend, found ${show(wanted)}.`,
      );
  }
}

function isBackend(wanted: BackendName | InferenceBackend): wanted is InferenceBackend {
  return typeof wanted === "object" && typeof wanted?.op === "function";
}

async function wasmOn(threads: ThreadCount): Promise<{ backend: WasmBackend; threads: ThreadCount }> {
  const options = { enableRelaxed, threads: threads.count };
  return {
    backend: threads.count === 1 ? wasmBackend({ enableRelaxed }) : await threadedWasmBackend(options),
    threads,
  };
}

async function fastest(threads: ThreadCount): Promise<ChosenBackend> {
  try {
    const chosen = await wasmOn(threads);
    return { ...chosen, why: `this engine has WebAssembly SIMD (${chosen.backend.variant})` };
  } catch (error) {
    const reason = (error as Error).message;
    if (threads.count > 1) return fastest({ count: 1, why: reason });
    const alone = { count: 1, why: "the scalar backend computes on the calling thread" };
    return { backend: scalarBackend(), why: `WebAssembly SIMD cannot run here: ${reason}`, threads: alone };
  }
}
