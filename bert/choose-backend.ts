/**
 * Which backend a model runs on. "auto" is the fastest that this engine can run on its CPU; a GPU is only ever asked for by name,
 * because moving data there and back costs more than small models do.
 */
import { show, TaperError } from "../engine/errors.ts";
import { enableRelaxed } from "../kernels/backends/relaxed-flag.ts";
import { scalarBackend } from "../kernels/backends/scalar.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../kernels/index.ts";

export type BackendName = "auto" | "wasm" | "scalar" | "reference";

export interface ChosenBackend {
  readonly backend: InferenceBackend;
  /** Why this one, in words. */
  readonly why: string;
}

/** Throws ERR_BACKEND if the one asked for cannot run here. */
export async function chooseBackend(wanted: BackendName | InferenceBackend): Promise<ChosenBackend> {
  if (isBackend(wanted)) return { backend: wanted, why: "given by the caller" };
  switch (wanted) {
    case "reference": {
      // Loaded on demand: it stands on ndarray, which builds code from strings.
      const { referenceBackend } = await import("../kernels/backends/reference.ts");
      return { backend: referenceBackend(), why: "asked for by name: float64, slow, the definition of every kernel" };
    }
    case "scalar":
      return { backend: scalarBackend(), why: "asked for by name" };
    case "wasm":
      return { backend: wasmBackend({ enableRelaxed }), why: "asked for by name" };
    case "auto":
      return fastest();
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

function fastest(): ChosenBackend {
  try {
    const backend = wasmBackend({ enableRelaxed });
    return { backend, why: `this engine has WebAssembly SIMD (${backend.variant})` };
  } catch (error) {
    return { backend: scalarBackend(), why: `WebAssembly SIMD cannot run here: ${(error as Error).message}` };
  }
}
