/**
 * The matrix product in WGSL, for WebGPU: gpu.js's kernels there read one value at a time. A thread computes four rows by four columns and
 * keeps them in registers, so that eight reads of four values serve 64 products. k and m are multiples of 4. Sums are in increasing k,
 * and a row's do not depend on the rows beside it.
 */
import type { GpuFunction, WgslLaunch, WgslSource } from "../backends/gpu-device.ts";
import { geluFunction } from "../gelu/gpu.ts";
import { tanhFunction } from "../tanh/gpu.ts";

export interface Fused {
  readonly bias: boolean;
  readonly residual: boolean;
  readonly activation: "gelu" | "tanh" | undefined;
}

/** Rows of a thread, and threads of a workgroup along either axis. */
const ROWS = 4;
const SIDE = 8;

const activations = { gelu: geluFunction, tanh: tanhFunction };
const rows = Array.from({ length: ROWS }, (_, r) => r);
const steps = ["x", "y", "z", "w"];

export function launchOf(n: number, k: number, m: number): WgslLaunch {
  const workgroups = [Math.ceil(m / 4 / SIDE), Math.ceil(n / ROWS / SIDE)] as const;
  return { length: n * m, workgroups, sizes: [n, k / 4, m / 4, 0] };
}

/** Its arguments: a, weights, bias and residual as far as there are any. */
export function tiledMatmul({ bias, residual, activation }: Fused): WgslSource {
  const operands = ["a", "weights", ...(bias ? ["bias"] : []), ...(residual ? ["residual"] : [])];
  const each = (line: (r: number) => string): string => rows.map(line).join("\n");
  const result = (r: number): string =>
    (activation ? `activated(sum${r})` : `sum${r}`) + (residual ? ` + residual[${at(r)}]` : "");
  return {
    name: ["tiled matmul", bias && "bias", activation, residual && "residual"].filter(Boolean).join(" + "),
    code: `
      @group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
      ${operands.map((name, i) => `@group(0) @binding(${i + 1}) var<storage, read> ${name}: array<vec4f>;`).join("\n")}
      @group(0) @binding(${operands.length + 1}) var<uniform> sizes: vec4u;
      ${activation ? functionsOf(activations[activation]) : ""}
      @compute @workgroup_size(${SIDE}, ${SIDE})
      fn main(@builtin(global_invocation_id) id: vec3u) {
        let n = sizes.x;
        let k = sizes.y;
        let m = sizes.z;
        let column = id.x;
        let row = ${ROWS}u * id.y;
        if (column >= m || row >= n) { return; }
        // Rows beyond the last are the last once more; nobody writes them.
        ${each((r) => `let from${r} = min(row + ${r}u, n - 1u) * k;`)}
        ${each((r) => `var sum${r} = ${bias ? "bias[column]" : "vec4f()"};`)}
        for (var i = 0u; i < k; i++) {
          ${steps.map((_, s) => `let w${s} = weights[(4u * i + ${s}u) * m + column];`).join("\n")}
          ${each((r) => `let a${r} = a[from${r} + i];`)}
          ${steps.map((step, s) => each((r) => `sum${r} += a${r}.${step} * w${s};`)).join("\n")}
        }
        ${each((r) => `if (row + ${r}u < n) { out[${at(r)}] = ${result(r)}; }`)}
      }`,
  };
}

function at(r: number): string {
  return `(row + ${r}u) * m + column`;
}

/** An activation, and itself on four values. NaN by its bits: WGSL promises nothing about comparisons with it. */
function functionsOf({ name, source }: GpuFunction): string {
  const body = source
    .replace(/^function (\w+)\(x\)/, "fn $1(x: f32) -> f32")
    .replaceAll("const ", "let ")
    .replaceAll("Math.", "");
  return `
    fn isNotANumber(x: f32) -> f32 { return select(0.0, 1.0, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u); }
    ${body}
    fn activated(x: vec4f) -> vec4f { return vec4f(${steps.map((step) => `${name}(x.${step})`).join(", ")}); }`;
}
