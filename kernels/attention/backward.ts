/** The backward rule of attention. Importance may be the only output that a gradient reached, or not be there at all. */
import type { Backward } from "../backward.ts";

export const attentionBackward: Backward<"attention"> = (chain, args) => {
  const { out, qkv, starts, mask, importance, n, d, h, texts, pairs } = args;
  chain.op("attentionGradient", {
    dQkv: chain.into(qkv),
    dMask: chain.wanted(mask) ? chain.into(mask) : undefined,
    qkv: chain.value(qkv),
    starts: chain.value(starts),
    mask: chain.optional(mask),
    dOut: chain.reached(out) ? chain.of(out) : chain.zeros(n * d),
    dImportance: chain.reached(importance) ? chain.of(importance) : undefined,
    n,
    d,
    h,
    texts,
    pairs,
  });
};
