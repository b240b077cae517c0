/**
 * Which backend a model runs on, in which build. "auto" is the fastest that this engine can run on its CPU without changing anything
 * outside of this library: the wide build needs a flag of the whole process and is only ever asked for by name. So is a GPU, because
 * moving data there and back costs more than small models do.
 */
import { show, TaperError } from "../engine/errors.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";
import { type ThreadCount, threadCount } from "../kernels/backends/thread-count.ts";
import type { WasmBackend, WasmOptions } from "../kernels/backends/wasm.ts";
import { disableWide, enableWide } from "../kernels/backends/wide-flag.ts";
import type { InferenceBackend } from "../kernels/index.ts";

export type BackendName = "auto" | "wasm" | "scalar" | "reference";

/** Builds of the wasm backend: "auto" is relaxed where the engine has it, else plain. */
export type Simd = "auto" | "plain" | "relaxed" | "wide";

const simdNames: readonly unknown[] = ["auto", "plain", "relaxed", "wide"] satisfies Simd[];

export interface BackendChoice {
  readonly simd?: Simd | undefined;
  /** Take "auto" where `simd` cannot run, instead of throwing. */
  readonly fallBack?: boolean | undefined;
  /** At most so many threads. Default 1. */
  readonly threads?: number | undefined;
  /** The wasm backend's module, compiled already: a WebAssembly.Module. */
  readonly wasmModule?: object | undefined;
}

export interface ChosenBackend {
  readonly backend: InferenceBackend;
  /** Why this one, in words. */
  readonly why: string;
  /** Why this build of it, in words. */
  readonly variantWhy: string;
  /** Threads that share each of its operations, and why so many. */
  readonly threads: ThreadCount;
}

/** What computes, and why: data, as `taperbert info --json` prints it. */
export interface RunInfo {
  /** "wasm", "scalar", … */
  readonly backend: string;
  readonly why: string;
  /** Which build of it. */
  readonly variant: string;
  readonly variantWhy: string;
  /** Threads that share each of its operations. */
  readonly threads: number;
  readonly threadsWhy: string;
}

const onlyOne = "there is one build of it";
const alone: ThreadCount = { count: 1, why: "it computes on the calling thread" };

/** Throws ERR_BACKEND if what is asked for cannot run here, ERR_OPTION if there is no such thing. */
export async function chooseBackend(
  wanted: BackendName | InferenceBackend,
  { simd = "auto", fallBack = false, threads: most = 1, wasmModule }: BackendChoice = {},
): Promise<ChosenBackend> {
  if (!simdNames.includes(simd)) {
    throw new TaperError("ERR_OPTION", `simd: expected ${simdNames.map(show).join(", ")}; found ${show(simd)}.`);
  }
  const refuseSimd = (backend: string): void => {
    if (simd === "auto" || fallBack) return;
    throw new TaperError("ERR_OPTION", `simd: ${show(simd)} is a build of the wasm backend; ${backend} has none.`);
  };
  if (wasmModule !== undefined) {
    if (simd !== "auto" || (wanted !== "auto" && wanted !== "wasm")) {
      throw new TaperError("ERR_OPTION", "wasmModule is a build of the wasm backend: leave backend and simd out.");
    }
    const threads = threadCount(most);
    const why = "its module was given, compiled";
    return {
      backend: await wasmOn({ module: wasmModule as WebAssembly.Module }, threads),
      why,
      variantWhy: why,
      threads,
    };
  }
  if (isBackend(wanted)) {
    refuseSimd("a backend of your own");
    return chosenByCaller(wanted);
  }
  switch (wanted) {
    case "reference": {
      refuseSimd(wanted);
      // Loaded on demand: it stands on ndarray, which builds code from strings.
      const { referenceBackend } = await import("../kernels/backends/reference.ts");
      const why = "asked for by name: float64, slow, the definition of every kernel";
      return { backend: referenceBackend(), why, variantWhy: onlyOne, threads: alone };
    }
    case "scalar":
      refuseSimd(wanted);
      return { backend: await scalar(), why: "asked for by name", variantWhy: onlyOne, threads: alone };
    case "wasm":
      return { ...(await wasmOf(simd, fallBack, threadCount(most))), why: "asked for by name" };
    case "auto":
      return fastest(simd, fallBack, threadCount(most));
    default:
      throw new TaperError(
        "ERR_OPTION",
        `backend: expected "auto", "wasm", "scalar", "reference" or a backend, found ${show(wanted)}.`,
      );
  }
}

export function chosenByCaller(backend: InferenceBackend): ChosenBackend {
  const why = "given by the caller";
  const { threads: count = 1 } = backend as Partial<WasmBackend>;
  return { backend, why, variantWhy: why, threads: { count, why } };
}

/** A choice in words. */
export function infoOf({ backend, why, variantWhy, threads }: ChosenBackend): RunInfo {
  const { name, variant = name, fusesDot = false } = backend as InferenceBackend & Partial<WasmBackend>;
  const products = fusesDot ? "; 8-bit products are the processor's own dot products" : "";
  return {
    ...{ backend: name, why, variant, variantWhy: variantWhy + products },
    ...{ threads: threads.count, threadsWhy: threads.why },
  };
}

/** What `threads` of the backend that is chosen will be, if nothing goes wrong. */
export const threadsOn = (backend: BackendName, most = 1): ThreadCount =>
  backend === "auto" || backend === "wasm" ? threadCount(most) : alone;

function isBackend(wanted: BackendName | InferenceBackend): wanted is InferenceBackend {
  return typeof wanted === "object" && typeof wanted?.op === "function";
}

async function fastest(simd: Simd, fallBack: boolean, threads: ThreadCount): Promise<ChosenBackend> {
  try {
    return { ...(await wasmOf(simd, fallBack, threads)), why: "this engine has WebAssembly SIMD" };
  } catch (error) {
    const reason = (error as Error).message;
    if (threads.count > 1) return fastest(simd, fallBack, { count: 1, why: reason });
    if (simd !== "auto" && !fallBack) throw error;
    const why = `WebAssembly SIMD cannot run here: ${reason}`;
    return { backend: await scalar(), why, variantWhy: onlyOne, threads: alone };
  }
}

/** The backends are loaded when they are asked for: nobody waits at start for those that he does not use. */
async function scalar(): Promise<InferenceBackend> {
  const { scalarBackend } = await import("../kernels/backends/scalar.ts");
  return scalarBackend();
}

async function wasmOn(options: WasmOptions, { count }: ThreadCount): Promise<WasmBackend> {
  const { threadedWasmBackend, wasmBackend } = await import("../kernels/backends/wasm.ts");
  return count === 1 ? wasmBackend(options) : threadedWasmBackend({ ...options, threads: count });
}

type WasmChoice = Omit<ChosenBackend, "why">;

async function wasmOf(simd: Simd, fallBack: boolean, threads: ThreadCount): Promise<WasmChoice> {
  if (simd === "auto") {
    const backend = await wasmOn({ enableRelaxed }, threads);
    const variantWhy =
      backend.variant === "relaxed"
        ? "this engine has relaxed SIMD"
        : "this engine has 128-bit SIMD, but no relaxed SIMD";
    return { backend, variantWhy, threads };
  }
  if (simd !== "wide") {
    const backend = await wasmOn({ variant: simd, enableRelaxed }, threads);
    return { backend, variantWhy: "asked for by name", threads };
  }
  try {
    return await wide(threads);
  } catch (error) {
    if (!fallBack) throw error;
    const { backend, variantWhy } = await wasmOf("auto", false, threads);
    return { backend, threads, variantWhy: `${variantWhy}; ${(error as Error).message}` };
  }
}

/** Throws ERR_BACKEND, leaving the process as it was, unless the wide build runs here, rightly and faster. */
async function wide(threads: ThreadCount): Promise<WasmChoice> {
  const { leastGain, probeWide } = await import("../kernels/backends/wide-probe.ts");
  enableWide();
  try {
    const { equal, gain } = probeWide();
    if (!equal) throw refusal("its products differ from those of the relaxed one");
    if (!(gain >= leastGain)) {
      throw refusal(
        `V8 makes no 256-bit operations here, its products run at ${gain.toFixed(2)} times the relaxed build's speed`,
      );
    }
    const backend = await wasmOn({ variant: "wide" }, threads);
    return {
      backend,
      threads,
      variantWhy: `V8 makes 256-bit operations: products run ${gain.toFixed(1)} times as fast as relaxed`,
    };
  } catch (error) {
    disableWide();
    if (error instanceof TaperError) throw error;
    throw refusal((error as Error).message);
  }
}

const refusal = (reason: string) => new TaperError("ERR_BACKEND", `the "wide" build cannot run here: ${reason}.`);
