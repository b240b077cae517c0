/** blend on a GPU: an exact choice copies, so that a NaN on the side not chosen does not leak. */
import type { GpuDevice, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { BlendArgs } from "./contract.ts";

const source: GpuSource = {
  name: "blend",
  arguments: ["numbers", "numbers", "numbers"],
  source: `function(mask, a, b) {
    const m = mask[0][this.thread.y];
    if (m === 1.0) return a[this.thread.y][this.thread.x];
    if (m === 0.0) return b[this.thread.y][this.thread.x];
    return m * a[this.thread.y][this.thread.x] + (1.0 - m) * b[this.thread.y][this.thread.x];
  }`,
};

export function blend(device: GpuDevice): (args: BlendArgs<GpuHandle>) => void {
  return ({ out, mask, a, b, n, d }) => {
    if (n * d === 0) return;
    out.replace(device.launch(source, [d, n], [mask.matrix(1, n), a.matrix(n, d), b.matrix(n, d)]));
  };
}
