/**
 * The hyperbolic tangent as a function that GPU kernels call; not yet a kernel of its own.
 * A GPU's own tanh is NaN for large |x| (it divides two infinities) and loses digits near 0, so: Lambert's continued
 * fraction below ½, where four terms err by less than 1e-9, and 1 − 2/(e^2|x| + 1) above, saturating to ±1.
 * Source: https://en.wikipedia.org/wiki/Lambert%27s_continued_fraction
 */
import type { GpuFunction } from "../backends/gpu-device.ts";

export const tanh: GpuFunction = {
  name: "saturatingTanh",
  source: `function saturatingTanh(x) {
    if (isNotANumber(x) > 0.5) return x;
    if (x > 10.0) return 1.0;
    if (x < -10.0) return -1.0;
    const a = Math.abs(x);
    if (a < 0.5) {
      const s = x * x;
      return x / (1.0 + s / (3.0 + s / (5.0 + s / (7.0 + s / 9.0))));
    }
    const t = 1.0 - 2.0 / (Math.exp(2.0 * a) + 1.0);
    if (x < 0.0) return -t;
    return t;
  }`,
};
