/**
 * Kullback–Leibler divergence of each row's softmax from a teacher's distribution:
 *
 *   loss_i = Σ_j t_ij · (log t_ij − log softmax(logits_i)_j)   (0 · log 0 = 0)
 *   dLogits[i, j] += dLoss_i · (softmax(logits_i)_j − t_ij)
 *
 * logits [n, c]; targets [n, c], rows that sum to 1; loss [n]. The teacher gets no gradient.
 * Source: FastBERT's self-distillation, https://arxiv.org/abs/2004.02178
 */
import type { Contract } from "../contract.ts";
import type { CrossEntropySizes } from "../cross-entropy/contract.ts";

export interface DistillationArgs<H> extends CrossEntropySizes {
  loss: H;
  logits: H;
  targets: H;
}
export interface DistillationGradientArgs<H> extends CrossEntropySizes {
  dLogits: H;
  logits: H;
  targets: H;
  dLoss: H;
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
