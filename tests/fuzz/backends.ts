/** Backends that are lent to one model after another and know what it asked of them. */
import type { Handle } from "../../engine/backend.ts";
import { sizeOf } from "../../engine/view.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";

export interface Lent {
  readonly backend: InferenceBackend;
  /** Values asked for so far. */
  asked(): number;
}

/** Something that lends a backend; what the borrower leaves behind when it disposes of it goes back. */
export function lender(name: "scalar" | "wasm"): () => Lent {
  // A module is compiled once, not once a model.
  const kept = name === "wasm" ? (wasmBackend() as InferenceBackend) : undefined;
  return () => lend(kept ?? (scalarBackend() as InferenceBackend), kept === undefined);
}

function lend(inner: InferenceBackend, isOwn: boolean): Lent {
  const handles = new Set<Handle>();
  let asked = 0;
  const keep = <H extends Handle>(handle: H, values = handle.length): H => {
    handles.add(handle);
    asked += values;
    return handle;
  };
  const { intake } = inner;
  const backend: InferenceBackend = {
    ...inner,
    allocate: (length, kind) => keep(inner.allocate(length, kind)),
    upload: (values) => keep(inner.upload(values), sizeOf(values)),
    pack: (matrix) => keep(inner.pack(matrix)),
    packInt8: (matrix) => keep(inner.packInt8(matrix)),
    ...(intake && { intake: { ...intake, take: (m, k, packed) => keep(intake.take(m, k, packed)) } }),
    release(handle) {
      handles.delete(handle);
      inner.release(handle);
    },
    dispose() {
      for (const handle of handles) inner.release(handle);
      handles.clear();
      if (isOwn) inner.dispose();
    },
  };
  return { backend, asked: () => asked };
}
