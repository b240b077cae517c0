/**
 * Softmax of each row on a GPU: the row's maximum, the row's sum, then the quotients; three launches, so that no output
 * walks its row twice. A row that is to become NaN (NaN or +∞ in it, or nothing but −∞) is marked by a maximum of NaN,
 * because GPUs do not carry NaN through comparisons and exponentials.
 */
import { TaperError } from "../../engine/errors.ts";
import { type GpuDevice, type GpuSource, LOOP_LIMIT, shaped } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { SoftmaxArgs } from "./contract.ts";

const maximum: GpuSource = {
  name: "softmax: maximum",
  arguments: ["ArrayTexture(1)", "Integer"],
  source: `function(x, m) {
    const row = this.thread.x;
    let largest = x[row][0];
    for (let j = 0; j < m; j++) {
      const value = x[row][j];
      if (isNotANumber(value) > 0.5) return notANumber();
      if (value > largest) largest = value;
    }
    if (isFiniteNumber(largest) < 0.5) return notANumber();
    return largest;
  }`,
};
const total: GpuSource = {
  name: "softmax: total",
  arguments: ["ArrayTexture(1)", "ArrayTexture(1)", "Integer"],
  source: `function(x, largest, m) {
    const row = this.thread.x;
    const top = largest[row];
    if (isNotANumber(top) > 0.5) return 1.0;
    let sum = 0.0;
    for (let j = 0; j < m; j++) sum += Math.exp(x[row][j] - top);
    return sum;
  }`,
};
const quotients: GpuSource = {
  name: "softmax: quotients",
  arguments: ["ArrayTexture(1)", "ArrayTexture(1)", "ArrayTexture(1)", "Integer"],
  source: `function(x, largest, sum, m) {
    const row = quotient(this.thread.x, m);
    const column = remainder(this.thread.x, m);
    const top = largest[row];
    if (isNotANumber(top) > 0.5) return notANumber();
    return Math.exp(x[row][column] - top) / sum[row];
  }`,
};

export function softmax(device: GpuDevice): (args: SoftmaxArgs<GpuHandle>) => void {
  return ({ out, x, n, m }) => {
    if (n * m === 0) return;
    if (m > LOOP_LIMIT)
      throw new TaperError("ERR_BACKEND", `softmax: m is ${m}, the gpu backend's limit is ${LOOP_LIMIT}`);
    const rows = x.matrix(n, m);
    const largest = device.launch(maximum, n, [rows, m]);
    const largestByRow = shaped(largest, 1, n);
    const sum = device.launch(total, n, [rows, largestByRow, m]);
    out.replace(device.launch(quotients, n * m, [rows, largestByRow, shaped(sum, 1, n), m]), n * m);
    largest.delete();
    sum.delete();
  };
}
