/**
 * How long operations would take on a machine that is always busy with what limits it: Σ over the operations that ran of
 * max(MACs ÷ peak, bytes ÷ bandwidth), from the kernels' own costs. A floor that forgets calls, element-wise work and caches, not a forecast.
 * Source: Williams, Waterman and Patterson, Roofline, https://doi.org/10.1145/1498765.1498785
 */

import { contractOf } from "../kernels/check.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { observed } from "../kernels/observed.ts";

export interface Roof {
  /** Multiply–accumulates a second. */
  readonly macsPerSecond: number;
  /** Bytes a second. */
  readonly bytesPerSecond: number;
}

/** Milliseconds of one operation under the roof. */
export function roofMs({ macs, bytes }: { readonly macs: number; readonly bytes: number }, roof: Roof): number {
  return 1000 * Math.max(macs / roof.macsPerSecond, bytes / roof.bytesPerSecond);
}

export interface RooflineBackend {
  /** Runs everything on the backend it was made of; its handles stay that one's own. */
  readonly backend: InferenceBackend;
  /** Milliseconds of what ran since the last call. */
  take(): number;
}

/** Wraps a backend, for counting and not for timing. */
export function underRoof(inner: InferenceBackend, roof: Roof): RooflineBackend {
  let ms = 0;
  return {
    backend: observed(inner, (name, args) => {
      ms += roofMs(contractOf(name).cost(args as never), roof);
    }),
    take() {
      const taken = ms;
      ms = 0;
      return taken;
    },
  };
}
