/** The backward rule of blend. */
import type { Backward } from "../backward.ts";

export const blendBackward: Backward<"blend"> = (chain, { out, mask, a, b, n, d }) => {
  chain.op("blendGradient", {
    dA: chain.into(a),
    dB: chain.into(b),
    dMask: chain.into(mask),
    mask: chain.value(mask),
    a: chain.value(a),
    b: chain.value(b),
    dOut: chain.of(out),
    n,
    d,
  });
};
