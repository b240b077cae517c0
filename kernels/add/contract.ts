/**
 * add: out = a + b.   accumulate: out += scale · x (how gradients meet). Flat buffers of `length` values.
 */
import type { Contract } from "../contract.ts";

export interface AddSizes {
  length: number;
}
export interface AddArgs<H> extends AddSizes {
  out: H;
  a: H;
  b: H;
}
export interface AccumulateArgs<H> extends AddSizes {
  out: H;
  x: H;
  scale: number;
}

export const add = {
  name: "add",
  operands: {
    out: { role: "out", shape: ({ length }) => [length] },
    a: { role: "in", shape: ({ length }) => [length] },
    b: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 12 * length }),
} as const satisfies Contract<"add", AddSizes>;

export const accumulate = {
  name: "accumulate",
  operands: {
    out: { role: "inout", shape: ({ length }) => [length] },
    x: { role: "in", shape: ({ length }) => [length] },
  },
  cost: ({ length }) => ({ macs: 0, elements: length, bytes: 12 * length }),
} as const satisfies Contract<"accumulate", AddSizes>;
