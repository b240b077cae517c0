/**
 * The exact GELU: out = x · Φ(x) = x/2 · (1 + erf(x/√2)). Source: https://arxiv.org/abs/1606.08415
 * Limits at the ends: GELU(∞) = ∞, GELU(−∞) = 0; NaN stays NaN.
 * Flat buffers of `length` values.
 */
import type { Contract } from "../contract.ts";

export interface GeluSizes {
  length: number;
}
export interface GeluArgs<H> extends GeluSizes {
  out: H;
  x: H;
}
/** dx += dOut · (Φ(x) + x·φ(x)) */
export interface GeluGradientArgs<H> extends GeluSizes {
  dx: H;
  x: H;
  dOut: H;
}

export const gelu = {
  name: "gelu",
  operands: {
    out: { role: "out", shape: ({ length }) => [length] },
    x: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 8 * length }),
} as const satisfies Contract<"gelu", GeluSizes>;

export const geluGradient = {
  name: "geluGradient",
  operands: {
    dx: { role: "inout", shape: ({ length }) => [length] },
    x: { role: "in", shape: ({ length }) => [length] },
    dOut: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 16 * length }),
} as const satisfies Contract<"geluGradient", GeluSizes>;
