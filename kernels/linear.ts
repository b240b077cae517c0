/** The two groups of parameters that models are made of, shaped so that they spread into a kernel's arguments. */
import type { Handle } from "../engine/backend.ts";

/** A linear layer: `op("matmul", { out, a, ...linear, n })`. */
export interface Linear {
  /** Packed, [k, m]. */
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
