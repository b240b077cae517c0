/**
 * One BERT layer in its two halves, as products over packed rows. The same two functions run the narrowing forward, its masked
 * twin and training; none of them knows why rows leave.
 * Source: BERT (post-norm), https://arxiv.org/abs/1810.04805
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { applyLinear, applyNorm } from "../kernels/linear.ts";
import type { LayerParameters } from "./parameters.ts";

/** The sizes of the rows that a half-layer works on. */
export interface RowSizes {
  readonly n: number;
  readonly texts: number;
  readonly pairs: number;
  readonly d: number;
  readonly h: number;
  readonly eps: number;
}

export interface LayerBuffers {
  /** [n, 3d] */
  readonly qkv: Handle;
  /** [n, d] each. */
  readonly context: Handle;
  readonly summed: Handle;
  /** [n, f] */
  readonly inner: Handle;
}

export interface AttendArgs {
  readonly out: Handle;
  readonly hidden: Handle;
  readonly starts: Handle;
  readonly mask?: Handle | undefined;
  /** Receives how much attention each row got. */
  readonly importance?: Handle | undefined;
}

/** out = LayerNorm(hidden + attention(hidden)); `out` is not `hidden`. */
export function attend(
  backend: InferenceBackend,
  layer: LayerParameters,
  { n, texts, pairs, d, h, eps }: RowSizes,
  { out, hidden, starts, mask, importance }: AttendArgs,
  { qkv, context, summed }: LayerBuffers,
): void {
  applyLinear(backend, layer.qkv, { out: qkv, a: hidden, n });
  backend.op("attention", { out: context, qkv, starts, mask, importance, n, d, h, texts, pairs });
  applyLinear(backend, layer.attentionOut, { out: summed, a: context, residual: hidden, n });
  applyNorm(backend, layer.attentionNorm, { out, x: summed, n, d, eps });
}

/** out = LayerNorm(hidden + W₂·GELU(W₁·hidden)); `out` is not `hidden`. */
export function feedForward(
  backend: InferenceBackend,
  layer: LayerParameters,
  { n, d, eps }: RowSizes,
  { out, hidden }: { out: Handle; hidden: Handle },
  { inner, summed }: LayerBuffers,
): void {
  applyLinear(backend, layer.up, { out: inner, a: hidden, activation: "gelu", n });
  applyLinear(backend, layer.down, { out: summed, a: inner, residual: hidden, n });
  applyNorm(backend, layer.outputNorm, { out, x: summed, n, d, eps });
}
