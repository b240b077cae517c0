/**
 * The hyperbolic tangent as a function that GPU kernels call, and as a kernel.
 * A GPU's own tanh is NaN for large |x| (it divides two infinities) and loses digits near 0, so: Lambert's continued
 * fraction below ½, where four terms err by less than 1e-9, and 1 − 2/(e^2|x| + 1) above, saturating to ±1.
 * Source: https://en.wikipedia.org/wiki/Lambert%27s_continued_fraction
 */
import type { GpuDevice, GpuFunction, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { TanhArgs } from "./contract.ts";

export const tanhFunction: GpuFunction = {
  name: "saturatingTanh",
  source: `function saturatingTanh(x) {
    if (isNotANumber(x) > 0.5) { return x; }
    if (x > 10.0) { return 1.0; }
    if (x < -10.0) { return -1.0; }
    const a = Math.abs(x);
    if (a < 0.5) {
      const s = x * x;
      return x / (1.0 + s / (3.0 + s / (5.0 + s / (7.0 + s / 9.0))));
    }
    const t = 1.0 - 2.0 / (Math.exp(2.0 * a) + 1.0);
    if (x < 0.0) { return -t; }
    return t;
  }`,
};

const source: GpuSource = {
  name: "tanh",
  arguments: ["numbers"],
  source: `function(x) { return ${tanhFunction.name}(x[this.thread.x]); }`,
};

export function tanh(device: GpuDevice): (args: TanhArgs<GpuHandle>) => void {
  return ({ out, x, length }) => {
    if (length > 0) out.replace(device.launch(source, [length], [x.matrix(1, length)]));
  };
}
