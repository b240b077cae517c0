/** The backward rule of distillation: the teacher gets no gradient. */
import type { Backward } from "../backward.ts";

export const distillationBackward: Backward<"distillation"> = (chain, { loss, logits, targets, temperature, n, c }) => {
  chain.op("distillationGradient", {
    dLogits: chain.into(logits),
    logits: chain.value(logits),
    targets: chain.value(targets),
    dLoss: chain.of(loss),
    temperature,
    n,
    c,
  });
};
