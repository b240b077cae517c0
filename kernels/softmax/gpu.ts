/**
 * Softmax of each row on a GPU: the row's maximum and sum, then the quotients; two launches, so that no output walks its row.
 * A row that is to become NaN (NaN or +∞ in it, or nothing but −∞) is marked by a sum of NaN, because GPUs do not carry NaN
 * through comparisons and exponentials.
 */
import { checkLoop, type GpuDevice, type GpuSource, matrix } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { SoftmaxArgs } from "./contract.ts";

const statistics: GpuSource = {
  name: "softmax: maximum and sum",
  arguments: ["numbers", "integer"],
  returns: "quad",
  source: `function(x, m) {
    let largest = x[this.thread.x][0];
    let broken = 0.0;
    for (let j = 0; j < m; j++) {
      const value = x[this.thread.x][j];
      if (isNotANumber(value) > 0.5) broken = 1.0;
      if (value > largest) largest = value;
    }
    if (isInfinite(largest) > 0.5) broken = 1.0;
    let sum = 0.0;
    for (let i = 0; i < m; i++) sum += Math.exp(x[this.thread.x][i] - largest);
    return [largest, sum, broken, 0.0];
  }`,
};
const quotients: GpuSource = {
  name: "softmax: quotients",
  arguments: ["numbers", "numbers"],
  source: `function(x, row) {
    const value = x[this.thread.y][this.thread.x];
    if (row[this.thread.y][2] > 0.5) return notANumber(value);
    return Math.exp(value - row[this.thread.y][0]) / row[this.thread.y][1];
  }`,
};

export function softmax(device: GpuDevice): (args: SoftmaxArgs<GpuHandle>) => void {
  return ({ out, x, n, m }) => {
    if (n * m === 0) return;
    checkLoop("softmax", "m", m);
    const rows = x.matrix(n, m);
    const row = device.launch(statistics, [n], [rows, m]);
    out.replace(device.launch(quotients, [m, n], [rows, matrix(row, n, 4)]));
    device.free(row);
  };
}
