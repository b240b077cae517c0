/**
 * Layer normalisation on a GPU: each row's mean and 1/deviation by one thread, in two passes (no cancellation), then the rows.
 */
import { checkLoop, type GpuDevice, type GpuSource, matrix } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { LayerNormArgs } from "./contract.ts";

const statistics: GpuSource = {
  name: "layerNorm: mean and deviation",
  arguments: ["numbers", "float", "integer"],
  returns: "quad",
  source: `function(x, eps, d) {
    let sum = 0.0;
    for (let j = 0; j < d; j++) sum += x[this.thread.x][j];
    const mean = sum / d;
    let squares = 0.0;
    for (let i = 0; i < d; i++) {
      const centred = x[this.thread.x][i] - mean;
      squares += centred * centred;
    }
    return [mean, 1.0 / Math.sqrt(squares / d + eps), 0.0, 0.0];
  }`,
};
const normalise: GpuSource = {
  name: "layerNorm",
  arguments: ["numbers", "numbers", "numbers", "numbers"],
  source: `function(x, row, gamma, beta) {
    const centred = x[this.thread.y][this.thread.x] - row[this.thread.y][0];
    return centred * row[this.thread.y][1] * gamma[0][this.thread.x] + beta[0][this.thread.x];
  }`,
};

export function layerNorm(device: GpuDevice): (args: LayerNormArgs<GpuHandle>) => void {
  return ({ out, x, gamma, beta, eps, n, d }) => {
    if (n * d === 0) return;
    checkLoop("layerNorm", "d", d);
    const rows = x.matrix(n, d);
    const row = device.launch(statistics, [n], [rows, eps, d]);
    out.replace(device.launch(normalise, [d, n], [rows, matrix(row, n, 4), gamma.matrix(1, d), beta.matrix(1, d)]));
    device.free(row);
  };
}
