/** The backward rule of matmul in its plain form; activation and residual are operations of their own on the tape. */
import type { Backward } from "../backward.ts";

export const matmulBackward: Backward<"matmul"> = (chain, { out, a, weights, bias, n, k, m }) => {
  const dOut = chain.of(out);
  if (chain.wanted(a)) {
    chain.op("matmulInputGradient", { dInput: chain.into(a), dOut, weights: chain.value(weights), n, k, m });
  }
  if (chain.wanted(weights) || chain.wanted(bias)) {
    const dBias = chain.wanted(bias) ? chain.into(bias) : undefined;
    chain.op("matmulWeightGradient", { dWeights: chain.into(weights), dBias, a: chain.value(a), dOut, n, k, m });
  }
};
