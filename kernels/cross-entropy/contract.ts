/**
 * Cross-entropy of each row against a class: loss_i = log Σ_j exp(logits[i, j]) − logits[i, labels[i]].
 * logits [n, c]; labels i32 [n] in 0 … c − 1, or −1: the row is not asked (loss 0, no gradient); loss [n].
 *
 *   dLogits[i, j] += dLoss_i · (softmax(logits_i)_j − [j = labels_i])
 */
import type { Contract } from "../contract.ts";

export interface CrossEntropySizes {
  n: number;
  c: number;
}
export interface CrossEntropyArgs<H> extends CrossEntropySizes {
  loss: H;
  logits: H;
  labels: H;
}
export interface CrossEntropyGradientArgs<H> extends CrossEntropySizes {
  dLogits: H;
  logits: H;
  labels: H;
  dLoss: H;
}

export const crossEntropy = {
  name: "crossEntropy",
  operands: {
    loss: { role: "out", shape: ({ n }) => [n] },
    logits: { role: "in", shape: ({ n, c }) => [n, c] },
    labels: { role: "in", shape: ({ n }) => [n], kind: "i32" },
  },
  cost: ({ n, c }) => ({ macs: 0, elements: n * c, bytes: 4 * n * c }),
} as const satisfies Contract<"crossEntropy", CrossEntropySizes>;

export const crossEntropyGradient = {
  name: "crossEntropyGradient",
  operands: {
    dLogits: { role: "inout", shape: ({ n, c }) => [n, c] },
    logits: { role: "in", shape: ({ n, c }) => [n, c] },
    labels: { role: "in", shape: ({ n }) => [n], kind: "i32" },
    dLoss: { role: "in", shape: ({ n }) => [n] },
  },
  cost: ({ n, c }) => ({ macs: 0, elements: n * c, bytes: 12 * n * c }),
} as const satisfies Contract<"crossEntropyGradient", CrossEntropySizes>;
