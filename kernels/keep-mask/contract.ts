/**
 * A skim decision while training: a 0/1 mask with a straight-through gradient (Gumbel-softmax over two classes).
 *
 *   z_i = logits[i, 1] − logits[i, 0] + noise_i − threshold
 *   out_i = previous_i · [z_i > 0];   the first row of every text ([CLS]) keeps previous_i
 *
 * noise_i is the difference of two Gumbel samples, that is one logistic sample (absent: no noise). Masks multiply over the
 * layers, so a skimmed row never comes back. Backward pretends the step was σ(z/temperature):
 *
 *   dLogits[i, 1] += g,  dLogits[i, 0] −= g  with g = dOut_i · previous_i · σ′(z_i/temperature)/temperature  (0 for [CLS])
 *   dPrevious_i += dOut_i · [z_i > 0]  (dOut_i for [CLS])
 *
 * logits [n, 2]; noise, previous, out [n]; starts i32 [texts + 1].
 * Sources: Transkimmer, https://arxiv.org/abs/2205.07324 (Eq. 3); Gumbel-softmax, https://arxiv.org/abs/1611.01144
 */
import type { Contract } from "../contract.ts";

export interface KeepMaskSizes {
  n: number;
  texts: number;
}
export interface KeepMaskArgs<H> extends KeepMaskSizes {
  out: H;
  logits: H;
  noise?: H | undefined;
  previous: H;
  starts: H;
  threshold: number;
  /** Used by the gradient only. */
  temperature: number;
}
export interface KeepMaskGradientArgs<H> extends KeepMaskSizes {
  dLogits: H;
  dPrevious: H;
  logits: H;
  noise?: H | undefined;
  previous: H;
  starts: H;
  dOut: H;
  threshold: number;
  temperature: number;
}

export const keepMask = {
  name: "keepMask",
  operands: {
    out: { role: "out", shape: ({ n }) => [n] },
    logits: { role: "in", shape: ({ n }) => [n, 2] },
    noise: { role: "in", shape: ({ n }) => [n], optional: true },
    previous: { role: "in", shape: ({ n }) => [n] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
  },
  cost: ({ n }) => ({ macs: 0, elements: n, bytes: 20 * n }),
} as const satisfies Contract<"keepMask", KeepMaskSizes>;

export const keepMaskGradient = {
  name: "keepMaskGradient",
  operands: {
    dLogits: { role: "inout", shape: ({ n }) => [n, 2] },
    dPrevious: { role: "inout", shape: ({ n }) => [n] },
    logits: { role: "in", shape: ({ n }) => [n, 2] },
    noise: { role: "in", shape: ({ n }) => [n], optional: true },
    previous: { role: "in", shape: ({ n }) => [n] },
    starts: { role: "in", shape: ({ texts }) => [texts + 1], kind: "i32" },
    dOut: { role: "in", shape: ({ n }) => [n] },
  },
  cost: ({ n }) => ({ macs: 0, elements: n, bytes: 32 * n }),
} as const satisfies Contract<"keepMaskGradient", KeepMaskSizes>;
