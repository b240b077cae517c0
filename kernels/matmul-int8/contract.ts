/**
 * The fused matrix product of a linear layer in 8-bit integers: weights quantised once, activations row by row as they come.
 *
 *   out[n, m] = activation(â[n, k] · ŵ[k, m] + bias[m]) + residual[n, m]
 *
 * Weights: ŵ_pj = c_j · q_pj with one scale for each output and q from −63 to 63: seven bits, because the instruction that carries
 * the product wants one operand within 0 … 127 (q + 64). quantise.ts has the rounding.
 * Activations: â_ip = mid_i + s_i · b_ip, b from −127 to 127, in these float32 operations, so that every form has the same integers:
 *
 *   mid = 0.5·min + 0.5·max of the row,   r = max(max − mid, mid − min),   s = r / 127
 *   b   = the integer nearest to (x − mid)·(127 / r), ties to even;   0 if r ≤ 2⁻¹⁰⁰
 *
 * The sum of b·q is exact in int32, whence k ≤ 2¹⁸; only what follows it rounds. So a row's result depends neither on n nor on the other
 * rows. A row that holds NaN or an infinity gives NaN throughout. k = 0 gives activation(bias) + residual. `out` aliases nothing.
 * Ideas: per-row activations at run time, https://arxiv.org/abs/2208.07339; 7-bit weights against saturation,
 * https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
 */
import type { Contract } from "../contract.ts";
import type { MatmulArgs, MatmulSizes } from "../matmul/contract.ts";

/** As matmul's, but `weights` comes from `Backend.packInt8`. */
export type MatmulInt8Args<H> = MatmulArgs<H>;

export const matmulInt8 = {
  name: "matmulInt8",
  operands: {
    out: { role: "out", shape: ({ n, m }) => [n, m] },
    a: { role: "in", shape: ({ n, k }) => [n, k] },
    weights: { role: "packed", kind: "int8", shape: ({ k, m }) => [k, m] },
    bias: { role: "in", shape: ({ m }) => [m], optional: true },
    residual: { role: "in", shape: ({ n, m }) => [n, m], optional: true },
  },
  cost: ({ n, k, m }) => ({ macs: n * k * m, elements: n * (k + m), bytes: 4 * n * k + k * m + 4 * n * m }),
} as const satisfies Contract<"matmulInt8", MatmulSizes>;
