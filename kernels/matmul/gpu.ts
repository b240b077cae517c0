/**
 * Matrix product on a GPU with bias, activation and residual fused, as in the contract. Every combination of the three is a kernel
 * of its own, compiled at its first use. A thread computes four neighbouring columns of a row where k and m are multiples of 4 (every
 * layer of a BERT) and the device reads four values at once: a along k, the weights along m. Elsewhere it computes one.
 */
import { checkLoop, type GpuDevice, type GpuSource } from "../backends/gpu-device.ts";
import type { GpuHandle } from "../backends/gpu-handle.ts";
import { geluFunction } from "../gelu/gpu.ts";
import { tanhFunction } from "../tanh/gpu.ts";
import type { MatmulArgs } from "./contract.ts";
import { launchOf, tiledMatmul } from "./wgsl.ts";

const activations = { gelu: geluFunction.name, tanh: tanhFunction.name };

type Options = Pick<MatmulArgs<unknown>, "bias" | "residual" | "activation">;

export function matmul(device: GpuDevice): (args: MatmulArgs<GpuHandle>) => void {
  return (args) => {
    const { out, a, weights, bias, residual, n, k, m } = args;
    if (n * m === 0) return;
    checkLoop("matmul", "k", k);
    const operands = [a.matrix(n, k), weights.matrix(k, m)];
    if (bias) operands.push(bias.matrix(1, m));
    if (residual) operands.push(residual.matrix(n, m));
    if (device.launchWgsl && k % 4 === 0 && m % 4 === 0 && k > 0) {
      const fused = { bias: bias !== undefined, residual: residual !== undefined, activation: args.activation };
      const arrays = operands.map(({ array }) => array);
      out.replace(device.launchWgsl(tiledMatmul(fused), launchOf(n, k, m), arrays));
    } else if (device.readsQuads && k % 4 === 0 && m % 4 === 0 && k > 0) {
      out.replace(device.launch(quads(args), [(n * m) / 4], [...operands, k / 4, m / 4]));
    } else {
      out.replace(device.launch(singly(args), [m, n], [...operands, k]));
    }
  };
}

function singly(options: Options): GpuSource {
  const names = operandNames(options);
  return {
    name: nameOf("matmul", options),
    arguments: [...names.map(() => "numbers" as const), "integer"],
    source: `function(${names.join(", ")}, k) {
      let sum = ${options.bias ? "bias[0][this.thread.x]" : "0.0"};
      for (let i = 0; i < k; i++) sum += a[this.thread.y][i] * weights[i][this.thread.x];
      return ${finish("sum", "residual[this.thread.y][this.thread.x]", options)};
    }`,
  };
}

function quads(options: Options): GpuSource {
  const names = operandNames(options);
  const results = [0, 1, 2, 3].map((c) => finish(`sum[${c}]`, `add[${c}]`, options));
  return {
    name: nameOf("matmul by quads", options),
    arguments: [...names.map(() => "quads" as const), "integer", "integer"],
    returns: "quad",
    source: `function(${names.join(", ")}, k, m) {
      const row = quotient(this.thread.x, m);
      const column = remainder(this.thread.x, m);
      let sum = ${options.bias ? "bias[0][column]" : "[0.0, 0.0, 0.0, 0.0]"};
      for (let i = 0; i < k; i++) {
        sum = fourProducts(sum, a[row][i], weights[4 * i][column], weights[4 * i + 1][column],
          weights[4 * i + 2][column], weights[4 * i + 3][column]);
      }
      ${options.residual ? "const add = residual[row][column];" : ""}
      return [${results.join(", ")}];
    }`,
  };
}

function operandNames({ bias, residual }: Options): string[] {
  return ["a", "weights", ...(bias ? ["bias"] : []), ...(residual ? ["residual"] : [])];
}

function nameOf(base: string, { bias, activation, residual }: Options): string {
  return [base, bias && "bias", activation, residual && "residual"].filter(Boolean).join(" + ");
}

function finish(sum: string, add: string, { activation, residual }: Options): string {
  return `${activation ? `${activations[activation]}(${sum})` : sum}${residual ? ` + ${add}` : ""}`;
}
