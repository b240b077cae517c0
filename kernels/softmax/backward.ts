/** The backward rule of softmax: it needs the probabilities, not the scores. */
import type { Backward } from "../backward.ts";

export const softmaxBackward: Backward<"softmax"> = (chain, { out, x, n, m }) => {
  chain.op("softmaxGradient", { dx: chain.into(x), out: chain.value(out), dOut: chain.of(out), n, m });
};
