/**
 * The exact GELU as a function that GPU kernels call, and as a kernel.
 *
 * x·Φ(x) = max(x, 0) − |x|·e^(−x²/2)·E(|x|), where E(x) = ½·e^(x²/2)·erfc(x/√2) falls smoothly from ½ to 0. E is a
 * polynomial in u = 1/(1 + 0.3·x) fitted by reweighted least squares (Lawson) to the smallest relative error on [0, 14],
 * 1.5e-7, so the left tail keeps its digits where 1 + erf would cancel. Beyond 14 the second term is below 1e-41.
 * −∞ gives 0, its limit.
 */
import type { GpuDevice, GpuFunction, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { GeluArgs } from "./contract.ts";

const fit = [0.119629299, 0.120753955, 0.099913501, 0.128561597, -0.053683586, 0.206353443, -0.157203045, 0.035674765];
const horner = fit.reduceRight(
  (inner, coefficient) => (inner ? `(${coefficient} + u * ${inner})` : `${coefficient}`),
  "",
);

export const geluFunction: GpuFunction = {
  name: "exactGelu",
  source: `function exactGelu(x) {
    if (isNotANumber(x) > 0.5) { return x; }
    if (x > 14.0) { return x; }
    if (x < -14.0) { return 0.0; }
    const a = Math.abs(x);
    const u = 1.0 / (1.0 + 0.3 * a);
    const tail = a * Math.exp(-0.5 * a * a) * u * ${horner};
    if (x < 0.0) { return -tail; }
    return x - tail;
  }`,
};

const source: GpuSource = {
  name: "gelu",
  arguments: ["numbers"],
  source: `function(x) { return ${geluFunction.name}(x[this.thread.x]); }`,
};

export function gelu(device: GpuDevice): (args: GeluArgs<GpuHandle>) => void {
  return ({ out, x, length }) => {
    if (length > 0) out.replace(device.launch(source, [length], [x.matrix(1, length)]));
  };
}
