/**
 * The backend of plain loops over typed arrays: runs wherever JavaScript runs, WebAssembly or not, and generates no code.
 * It is the plain form beside the fast one; it does not use threads and does not train.
 */
import { add } from "../add/scalar.ts";
import { attention } from "../attention/scalar.ts";
import { blend } from "../blend/scalar.ts";
import { embed } from "../embed/scalar.ts";
import { gather } from "../gather/scalar.ts";
import { gelu } from "../gelu/scalar.ts";
import type { Forms, InferenceBackend, InferenceOps } from "../index.ts";
import { layerNorm } from "../layer-norm/scalar.ts";
import { matmul, packPanels } from "../matmul/scalar.ts";
import { matmulInt8, packInt8 } from "../matmul-int8/scalar.ts";
import type { ScalarHandle } from "../scalar-handle.ts";
import { scatter } from "../scatter/scalar.ts";
import { softmax } from "../softmax/scalar.ts";
import { tanh } from "../tanh/scalar.ts";
import { arrayBackend } from "./arrays.ts";

export const scalarForms = {
  matmul,
  matmulInt8,
  attention,
  softmax,
  layerNorm,
  gelu,
  tanh,
  embed,
  gather,
  scatter,
  add,
  blend,
} satisfies Forms<InferenceOps<ScalarHandle>>;

/** A new backend of plain loops. Buffers are Float32Array and Int32Array; sums are accumulated in float64. */
export function scalarBackend(): InferenceBackend<ScalarHandle> {
  return arrayBackend<Float32Array, InferenceOps<ScalarHandle>>({
    name: "scalar",
    variant: "float64 sums",
    floats: (length) => new Float32Array(length),
    pack: packPanels,
    packInt8,
    forms: scalarForms,
  });
}
