/**
 * Inverted dropout, reproducible: out_i = x_i / (1 − probability) where a hash of (seed, i) says keep, else 0.
 * The mask is a pure function of the seed and the place (see mask.ts), so backward needs nothing saved and every form agrees.
 * Flat buffers of `length` values; `seed` an unsigned 32-bit integer; probability in [0, 1).
 */
import type { Contract } from "../contract.ts";

export interface DropoutSizes {
  length: number;
}
export interface DropoutArgs<H> extends DropoutSizes {
  out: H;
  x: H;
  seed: number;
  probability: number;
}
/** dx_i += dOut_i / (1 − probability) where kept. */
export interface DropoutGradientArgs<H> extends DropoutSizes {
  dx: H;
  dOut: H;
  seed: number;
  probability: number;
}

export const dropout = {
  name: "dropout",
  operands: {
    out: { role: "out", shape: ({ length }) => [length] },
    x: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 8 * length }),
} as const satisfies Contract<"dropout", DropoutSizes>;

export const dropoutGradient = {
  name: "dropoutGradient",
  operands: {
    dx: { role: "inout", shape: ({ length }) => [length] },
    dOut: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 12 * length }),
} as const satisfies Contract<"dropoutGradient", DropoutSizes>;
