/** The backward rule of cross-entropy. */
import type { Backward } from "../backward.ts";

export const crossEntropyBackward: Backward<"crossEntropy"> = (chain, { loss, logits, labels, n, c }) => {
  chain.op("crossEntropyGradient", {
    dLogits: chain.into(logits),
    logits: chain.value(logits),
    labels: chain.value(labels),
    dLoss: chain.of(loss),
    n,
    c,
  });
};
