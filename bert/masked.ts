/**
 * The masked twin of the encoder: no row ever leaves, a mask says which are alive, and a row's state is
 * m · layer(h) + (1 − m) · h. With m in {0, 1} its numbers are those of real dropping, and gradients reach m: this is the form
 * that training records, and the oracle that dropping is tested against. It saves no work.
 */
import type { Handle } from "../engine/backend.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { BertConfig } from "./config.ts";
import { attend, feedForward, type LayerBuffers, type RowSizes } from "./layer.ts";
import type { BertParameters } from "./parameters.ts";

/** Who is alive. A hook that returns nothing leaves the mask as it was; no mask at all means everybody. */
export interface MaskPolicy {
  /** Before layer l: reads the rows' state, returns the mask [n] for the whole layer. */
  before?(l: number, hidden: Handle, mask: Handle | undefined): Handle | undefined;
  /** After layer l's attention: reads what attention each row got, returns the mask for the feed-forward part and all later. */
  after?(l: number, importance: Handle, mask: Handle | undefined): Handle | undefined;
  /** After layer l, with the rows' state. */
  afterLayer?(l: number, hidden: Handle): void;
}

export interface MaskedBuffers {
  readonly layer: LayerBuffers;
  /** [n, d] each. */
  readonly attended: Handle;
  readonly between: Handle;
  readonly fed: Handle;
  /** [n] */
  readonly importance: Handle;
  /** i32 [texts + 1], already written. */
  readonly starts: Handle;
}

/** Runs all layers over `hidden` [n, d], which is overwritten; returns the handle of the last state. */
export function forwardMasked(
  backend: InferenceBackend,
  config: BertConfig,
  parameters: BertParameters,
  sizes: Pick<RowSizes, "n" | "texts" | "pairs">,
  hidden: Handle,
  buffers: MaskedBuffers,
  policy: MaskPolicy,
): Handle {
  const rows: RowSizes = { ...sizes, d: config.d, h: config.h, eps: config.eps };
  const { n, d } = rows;
  const { attended, between, fed, starts, layer: scratch } = buffers;
  const importance = policy.after && buffers.importance;
  let state = hidden;
  let mask: Handle | undefined;
  for (const [l, layer] of parameters.layers.entries()) {
    mask = policy.before?.(l, state, mask) ?? mask;
    attend(backend, layer, rows, { out: attended, hidden: state, starts, mask, importance }, scratch);
    let middle = attended;
    if (mask !== undefined) {
      backend.op("blend", { out: between, mask, a: attended, b: state, n, d });
      middle = between;
    }
    if (importance !== undefined) mask = policy.after?.(l, importance, mask) ?? mask;
    feedForward(backend, layer, rows, { out: fed, hidden: middle }, scratch);
    state = fed;
    if (mask !== undefined) {
      backend.op("blend", { out: hidden, mask, a: fed, b: middle, n, d });
      state = hidden;
    }
    policy.afterLayer?.(l, state);
  }
  return state;
}
