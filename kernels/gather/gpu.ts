/** gather on a GPU: one launch, a thread for each value. */
import type { GpuDevice, GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { GatherArgs } from "./contract.ts";

const source: GpuSource = {
  name: "gather",
  arguments: ["numbers", "numbers"],
  source: "function(table, index) { return table[index[0][this.thread.y]][this.thread.x]; }",
};

export function gather(device: GpuDevice): (args: GatherArgs<GpuHandle>) => void {
  return ({ out, table, index, n, d, rows }) => {
    if (n * d === 0) return;
    out.replace(device.launch(source, [d, n], [table.matrix(rows, d), index.matrix(1, n)]));
  };
}
