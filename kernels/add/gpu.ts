/** add on a GPU. */
import type { GpuDevice, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { AddArgs } from "./contract.ts";

const source: GpuSource = {
  name: "add",
  arguments: ["numbers", "numbers"],
  source: "function(a, b) { return a[this.thread.x] + b[this.thread.x]; }",
};

export function add(device: GpuDevice): (args: AddArgs<GpuHandle>) => void {
  return ({ out, a, b, length }) => {
    if (length > 0) out.replace(device.launch(source, [length], [a.matrix(1, length), b.matrix(1, length)]));
  };
}
