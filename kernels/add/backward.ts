/** The backward rule of add: both inputs receive the gradient as it is. */
import type { Backward } from "../backward.ts";

export const addBackward: Backward<"add"> = (chain, { out, a, b, length }) => {
  for (const input of [a, b]) {
    if (chain.wanted(input)) chain.op("accumulate", { out: chain.into(input), x: chain.of(out), scale: 1, length });
  }
};
