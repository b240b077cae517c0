/** The backward rule of dropout: the seed brings the same mask back, so nothing was saved. */
import type { Backward } from "../backward.ts";

export const dropoutBackward: Backward<"dropout"> = (chain, { out, x, seed, probability, length }) => {
  chain.op("dropoutGradient", { dx: chain.into(x), dOut: chain.of(out), seed, probability, length });
};
