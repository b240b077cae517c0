/**
 * The two groups of parameters that models are made of, shaped so that they spread into a kernel's arguments, and the choice of a linear
 * layer's product by what its weights are stored in.
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "./index.ts";
import type { Activation } from "./matmul/contract.ts";

/** A linear layer: `op("matmul", { out, a, ...linear, n })`, or `applyLinear` where its weights may be 8-bit. */
export interface Linear {
  /** Packed, [k, m]; its kind says in what: "packed" floats, or "int8". */
  readonly weights: Handle;
  /** [m] */
  readonly bias: Handle;
  /** Outputs. */
  readonly m: number;
  /** Inputs. */
  readonly k: number;
}

/** A layer normalisation: `op("layerNorm", { out, x, ...norm, eps, n, d })`. */
export interface Norm {
  readonly gamma: Handle;
  readonly beta: Handle;
}

/** out = activation(a · weights + bias) + residual, by the product that the weights are packed for. */
export function applyLinear(
  backend: InferenceBackend,
  linear: Linear,
  args: { out: Handle; a: Handle; residual?: Handle; activation?: Activation; n: number },
): void {
  backend.op(linear.weights.kind === "int8" ? "matmulInt8" : "matmul", { ...linear, ...args });
}
