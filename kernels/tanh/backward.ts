/** The backward rule of tanh: it needs the value after the activation. */
import type { Backward } from "../backward.ts";

export const tanhBackward: Backward<"tanh"> = (chain, { out, x, length }) => {
  chain.op("tanhGradient", { dx: chain.into(x), out: chain.value(out), dOut: chain.of(out), length });
};
