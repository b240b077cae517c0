/** The backward rule of layer normalisation. */
import type { Backward } from "../backward.ts";

export const layerNormBackward: Backward<"layerNorm"> = (chain, { out, x, gamma, beta, eps, n, d }) => {
  chain.op("layerNormGradient", {
    dx: chain.into(x),
    dGamma: chain.into(gamma),
    dBeta: chain.into(beta),
    x: chain.value(x),
    gamma: chain.value(gamma),
    dOut: chain.of(out),
    eps,
    n,
    d,
  });
};
