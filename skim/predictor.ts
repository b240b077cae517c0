/**
 * Transkimmer's skim predictor: LayerNorm(d) → Linear(d → width) → LayerNorm(width) → GELU → Linear(width → 2), read before a
 * layer. Logit 0 says skim, logit 1 keep. It only scores; who leaves is decided in skim/policy.ts.
 * Source: https://arxiv.org/abs/2205.07324, section 3.2
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyLinear, applyNorm, type Linear, type Norm } from "../kernels/linear.ts";

/** The eps of both normalisations; BERT's own are 1e-12. */
export const predictorEps = 1e-5;

export interface SkimPredictor {
  /** Rows of the first Linear: d in the authors' checkpoints, any width in ours. */
  readonly width: number;
  readonly norm: Norm;
  readonly narrow: Linear;
  readonly narrowNorm: Norm;
  readonly decide: Linear;
}

export interface PredictorBuffers {
  /** [n, d] */
  readonly normed: Handle;
  /** [n, width] each. */
  readonly narrow: Handle;
  readonly narrowNormed: Handle;
  readonly narrowActive: Handle;
  /** [n, 2]: the result. */
  readonly keepLogits: Handle;
}

/** MACs per scored row: d·width + 2·width. */
export function predictorMacs(d: number, width: number): number {
  return d * width + 2 * width;
}

/** Enqueues the scores of `n` rows of `hidden` [n, d] into `buffers.keepLogits`. */
export function scoreRows(
  backend: InferenceBackend,
  { width, norm, narrow, narrowNorm, decide }: SkimPredictor,
  hidden: Handle,
  n: number,
  d: number,
  buffers: PredictorBuffers,
): void {
  const eps = predictorEps;
  applyNorm(backend, norm, { out: buffers.normed, x: hidden, n, d, eps });
  applyLinear(backend, narrow, { out: buffers.narrow, a: buffers.normed, n });
  applyNorm(backend, narrowNorm, { out: buffers.narrowNormed, x: buffers.narrow, n, d: width, eps });
  backend.op("gelu", { out: buffers.narrowActive, x: buffers.narrowNormed, length: n * width });
  applyLinear(backend, decide, { out: buffers.keepLogits, a: buffers.narrowActive, n });
}
