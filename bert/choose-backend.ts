/**
 * Which backend a model runs on, in which build. "auto" is the fastest that this engine can run on its CPU without changing anything
 * outside of this library: the wide build needs a flag of the whole process and is only ever asked for by name. So is a GPU, because
 * moving data there and back costs more than small models do.
 */
import { show, TaperError } from "../engine/errors.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";
import { scalarBackend } from "../kernels/backends/scalar.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import { disableWide, enableWide } from "../kernels/backends/wide-flag.ts";
import { leastGain, probeWide } from "../kernels/backends/wide-probe.ts";
import type { InferenceBackend } from "../kernels/index.ts";

export type BackendName = "auto" | "wasm" | "scalar" | "reference";

/** Builds of the wasm backend: "auto" is relaxed where the engine has it, else plain. */
export type Simd = "auto" | "plain" | "relaxed" | "wide";

const simdNames: readonly unknown[] = ["auto", "plain", "relaxed", "wide"] satisfies Simd[];

export interface BackendChoice {
  readonly simd?: Simd | undefined;
  /** Take "auto" where `simd` cannot run, instead of throwing. */
  readonly fallBack?: boolean | undefined;
}

export interface ChosenBackend {
  readonly backend: InferenceBackend;
  /** Why this one, in words. */
  readonly why: string;
  /** Why this build of it, in words. */
  readonly variantWhy: string;
}

const onlyOne = "there is one build of it";

/** Throws ERR_BACKEND if what is asked for cannot run here, ERR_OPTION if there is no such thing. */
export async function chooseBackend(
  wanted: BackendName | InferenceBackend,
  { simd = "auto", fallBack = false }: BackendChoice = {},
): Promise<ChosenBackend> {
  if (!simdNames.includes(simd)) {
    throw new TaperError("ERR_OPTION", `simd: expected ${simdNames.map(show).join(", ")}; found ${show(simd)}.`);
  }
  const refuseSimd = (backend: string): void => {
    if (simd === "auto" || fallBack) return;
    throw new TaperError("ERR_OPTION", `simd: ${show(simd)} is a build of the wasm backend; ${backend} has none.`);
  };
  if (isBackend(wanted)) {
    refuseSimd("a backend of your own");
    return { backend: wanted, why: "given by the caller", variantWhy: "given by the caller" };
  }
  switch (wanted) {
    case "reference": {
      refuseSimd(wanted);
      // Loaded on demand: it stands on ndarray, which builds code from strings.
      const { referenceBackend } = await import("../kernels/backends/reference.ts");
      const why = "asked for by name: float64, slow, the definition of every kernel";
      return { backend: referenceBackend(), why, variantWhy: onlyOne };
    }
    case "scalar":
      refuseSimd(wanted);
      return { backend: scalarBackend(), why: "asked for by name", variantWhy: onlyOne };
    case "wasm":
      return { ...wasmOf(simd, fallBack), why: "asked for by name" };
    case "auto":
      return fastest(simd, fallBack);
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

function fastest(simd: Simd, fallBack: boolean): ChosenBackend {
  try {
    return { ...wasmOf(simd, fallBack), why: "this engine has WebAssembly SIMD" };
  } catch (error) {
    if (simd !== "auto" && !fallBack) throw error;
    const why = `WebAssembly SIMD cannot run here: ${(error as Error).message}`;
    return { backend: scalarBackend(), why, variantWhy: onlyOne };
  }
}

type WasmChoice = Omit<ChosenBackend, "why">;

function wasmOf(simd: Simd, fallBack: boolean): WasmChoice {
  if (simd === "auto") {
    const backend = wasmBackend({ enableRelaxed });
    const variantWhy =
      backend.variant === "relaxed"
        ? "this engine has relaxed SIMD"
        : "this engine has 128-bit SIMD, but no relaxed SIMD";
    return { backend, variantWhy };
  }
  if (simd !== "wide") {
    return { backend: wasmBackend({ variant: simd, enableRelaxed }), variantWhy: "asked for by name" };
  }
  try {
    return wide();
  } catch (error) {
    if (!fallBack) throw error;
    const { backend, variantWhy } = wasmOf("auto", false);
    return { backend, variantWhy: `${variantWhy}; ${(error as Error).message}` };
  }
}

/** Throws ERR_BACKEND, leaving the process as it was, unless the wide build runs here, rightly and faster. */
function wide(): WasmChoice {
  enableWide();
  try {
    const { equal, gain } = probeWide();
    if (!equal) throw refusal("its products differ from those of the relaxed one");
    if (!(gain >= leastGain)) {
      throw refusal(
        `V8 makes no 256-bit operations here, its products run at ${gain.toFixed(2)} times the relaxed build's speed`,
      );
    }
    const backend = wasmBackend({ variant: "wide" });
    return {
      backend,
      variantWhy: `V8 makes 256-bit operations: products run ${gain.toFixed(1)} times as fast as relaxed`,
    };
  } catch (error) {
    disableWide();
    if (error instanceof TaperError) throw error;
    throw refusal((error as Error).message);
  }
}

const refusal = (reason: string) => new TaperError("ERR_BACKEND", `the "wide" build cannot run here: ${reason}.`);
