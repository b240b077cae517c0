/** The backward rule of GELU: it needs the value before the activation. */
import type { Backward } from "../backward.ts";

export const geluBackward: Backward<"gelu"> = (chain, { out, x, length }) => {
  chain.op("geluGradient", { dx: chain.into(x), x: chain.value(x), dOut: chain.of(out), length });
};
