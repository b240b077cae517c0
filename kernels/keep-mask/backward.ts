/** The backward rule of keepMask: straight through. */
import type { Backward } from "../backward.ts";

export const keepMaskBackward: Backward<"keepMask"> = (chain, args) => {
  const { out, logits, noise, previous, starts, threshold, temperature, n, texts } = args;
  chain.op("keepMaskGradient", {
    dLogits: chain.into(logits),
    dPrevious: chain.into(previous),
    logits: chain.value(logits),
    noise: chain.optional(noise),
    previous: chain.value(previous),
    starts: chain.value(starts),
    dOut: chain.of(out),
    threshold,
    temperature,
    n,
    texts,
  });
};
