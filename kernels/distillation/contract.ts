/**
 * Kullback–Leibler divergence of each row's softmax from a teacher's distribution, at a temperature T > 0:
 *
 *   loss_i = T² · Σ_j t_ij · (log t_ij − log softmax(logits_i/T)_j)   (0 · log 0 = 0)
 *   dLogits[i, j] += dLoss_i · T · (softmax(logits_i/T)_j − t_ij)
 *
 * logits [n, c]; targets [n, c], rows that sum to 1, taken at the same temperature; loss [n]. The teacher gets no gradient.
 * T² keeps the size of the gradient whatever T is.
 * Sources: Hinton et al., https://arxiv.org/abs/1503.02531; FastBERT's self-distillation, https://arxiv.org/abs/2004.02178
 */
import type { Contract } from "../contract.ts";
import type { CrossEntropySizes } from "../cross-entropy/contract.ts";

export interface DistillationArgs<H> extends CrossEntropySizes {
  loss: H;
  logits: H;
  targets: H;
  temperature: number;
}
export interface DistillationGradientArgs<H> extends CrossEntropySizes {
  dLogits: H;
  logits: H;
  targets: H;
  dLoss: H;
  temperature: number;
}

export const distillation = {
  name: "distillation",
  operands: {
    loss: { role: "out", shape: ({ n }) => [n] },
    logits: { role: "in", shape: ({ n, c }) => [n, c] },
    targets: { role: "in", shape: ({ n, c }) => [n, c] },
  },
  cost: ({ n, c }) => ({ macs: 0, elements: n * c, bytes: 8 * n * c }),
} as const satisfies Contract<"distillation", CrossEntropySizes>;

export const distillationGradient = {
  name: "distillationGradient",
  operands: {
    dLogits: { role: "inout", shape: ({ n, c }) => [n, c] },
    logits: { role: "in", shape: ({ n, c }) => [n, c] },
    targets: { role: "in", shape: ({ n, c }) => [n, c] },
    dLoss: { role: "in", shape: ({ n }) => [n] },
  },
  cost: ({ n, c }) => ({ macs: 0, elements: n * c, bytes: 16 * n * c }),
} as const satisfies Contract<"distillationGradient", CrossEntropySizes>;
