/** The backward rule of thresholdMask. */
import type { Backward } from "../backward.ts";

export const thresholdMaskBackward: Backward<"thresholdMask"> = (chain, args) => {
  const { out, importance, threshold, previous, starts, temperature, n, texts } = args;
  chain.op("thresholdMaskGradient", {
    dImportance: chain.into(importance),
    dThreshold: chain.into(threshold),
    dPrevious: chain.into(previous),
    importance: chain.value(importance),
    threshold: chain.value(threshold),
    previous: chain.value(previous),
    starts: chain.value(starts),
    dOut: chain.of(out),
    temperature,
    n,
    texts,
  });
};
