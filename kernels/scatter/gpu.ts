/**
 * scatter on a GPU, where a thread cannot choose what it writes: each row of the output asks which row of x comes here, if any.
 * That table is made on the host, where indices come from.
 */
import { type GpuDevice, type GpuSource, matrix } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { ScatterArgs } from "./contract.ts";

const source: GpuSource = {
  name: "scatter",
  arguments: ["numbers", "numbers", "numbers"],
  source: `function(old, x, origin) {
    const from = origin[0][this.thread.y];
    if (from < 0.0) return old[this.thread.y][this.thread.x];
    return x[from][this.thread.x];
  }`,
};

export function scatter(device: GpuDevice): (args: ScatterArgs<GpuHandle>) => void {
  return ({ out, x, index, n, d, rows }) => {
    if (n * d === 0) return;
    const origin = index.derived(`origins of ${rows} rows from ${n}`, (integers) => {
      const origins = new Float32Array(rows).fill(-1);
      for (let i = 0; i < n; i++) origins[integers[i]] = i;
      return origins;
    });
    out.replace(device.launch(source, [d, rows], [out.matrix(rows, d), x.matrix(n, d), matrix(origin, 1, rows)]));
  };
}
