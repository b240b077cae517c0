/**
 * The two groups of parameters that models are made of, each with the operation that it is for; a linear layer's product is chosen by what its
 * weights are stored in.
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "./index.ts";
import type { Activation } from "./matmul/contract.ts";

/** A linear layer, for `applyLinear`. */
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

/** A layer normalisation, for `applyNorm`. */
export interface Norm {
  readonly gamma: Handle;
  readonly beta: Handle;
}

/** What a linear layer is applied to, and what follows it. */
export interface LinearArgs {
  readonly out: Handle;
  readonly a: Handle;
  readonly n: number;
  readonly activation?: Activation;
  readonly residual?: Handle;
}

/**
 * out = activation(a · weights + bias) + residual, by the product that the weights are packed for. Arguments are written out, not spread: all
 * products have objects of one shape, which engines read fastest.
 */
export function applyLinear(
  backend: InferenceBackend,
  { weights, bias, m, k }: Linear,
  { out, a, n, activation, residual }: LinearArgs,
): void {
  const product = weights.kind === "int8" ? "matmulInt8" : "matmul";
  backend.op(product, { out, a, weights, bias, residual, activation, n, k, m });
}

/** out = (x − mean) / √(variance + eps) · gamma + beta, of n rows of d values. */
export function applyNorm(
  backend: InferenceBackend,
  { gamma, beta }: Norm,
  {
    out,
    x,
    n,
    d,
    eps,
  }: { readonly out: Handle; readonly x: Handle; readonly n: number; readonly d: number; readonly eps: number },
): void {
  backend.op("layerNorm", { out, x, gamma, beta, eps, n, d });
}
