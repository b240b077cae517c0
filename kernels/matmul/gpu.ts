/**
 * Matrix product on a GPU, one thread per output: bias, activation and residual fused, as in the contract.
 * Every combination of the three is a kernel of its own, compiled at its first use. The plain product, neither tiled nor
 * packed: what is here is right for any shape; making it fast is another matter.
 */
import { TaperError } from "../../engine/errors.ts";
import { type GpuDevice, type GpuSource, LOOP_LIMIT } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import type { GpuArgument } from "../backends/gpu-library.ts";
import { gelu } from "../gelu/gpu.ts";
import { tanh } from "../tanh/gpu.ts";
import type { MatmulArgs } from "./contract.ts";

const activations = { gelu, tanh };

export function matmul(device: GpuDevice): (args: MatmulArgs<GpuHandle>) => void {
  return (args) => {
    const { out, a, weights, bias, residual, n, k, m } = args;
    if (n * m === 0) return;
    if (k > LOOP_LIMIT)
      throw new TaperError("ERR_BACKEND", `matmul: k is ${k}, the gpu backend's limit is ${LOOP_LIMIT}`);
    const operands: GpuArgument[] = [a.matrix(n, k), weights.matrix(k, m)];
    if (bias) operands.push(bias.matrix(1, m));
    if (residual) operands.push(residual.matrix(n, m));
    out.replace(device.launch(source(args), n * m, [...operands, k, m]), n * m);
  };
}

function source({ bias, residual, activation }: MatmulArgs<unknown>): GpuSource {
  const names = ["a", "weights", ...(bias ? ["bias"] : []), ...(residual ? ["residual"] : [])];
  const activated = activation ? `${activations[activation].name}(sum)` : "sum";
  return {
    name: ["matmul", bias && "bias", activation, residual && "residual"].filter(Boolean).join(" + "),
    arguments: [...names.map(() => "ArrayTexture(1)" as const), "Integer", "Integer"],
    source: `function(${names.join(", ")}, k, m) {
      const row = quotient(this.thread.x, m);
      const column = remainder(this.thread.x, m);
      let sum = ${bias ? "bias[column]" : "0.0"};
      for (let i = 0; i < k; i++) sum += a[row][i] * weights[i][column];
      return ${activated}${residual ? " + residual[row][column]" : ""};
    }`,
  };
}
