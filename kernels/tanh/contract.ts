/**
 * Hyperbolic tangent, saturating to ±1 for large |x| (never NaN for a number).
 * Flat buffers of `length` values.
 */
import type { Contract } from "../contract.ts";

export interface TanhSizes {
  length: number;
}
export interface TanhArgs<H> extends TanhSizes {
  out: H;
  x: H;
}
/** dx += dOut · (1 − out²) */
export interface TanhGradientArgs<H> extends TanhSizes {
  dx: H;
  out: H;
  dOut: H;
}

export const tanh = {
  name: "tanh",
  operands: {
    out: { role: "out", shape: ({ length }) => [length] },
    x: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 8 * length }),
} as const satisfies Contract<"tanh", TanhSizes>;

export const tanhGradient = {
  name: "tanhGradient",
  operands: {
    dx: { role: "inout", shape: ({ length }) => [length] },
    out: { role: "in", shape: ({ length }) => [length] },
    dOut: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 16 * length }),
} as const satisfies Contract<"tanhGradient", TanhSizes>;
