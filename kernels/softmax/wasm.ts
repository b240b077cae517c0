/**
 * Softmax of whole rows in WebAssembly SIMD, plain and masked, for the kernel of that name and for attention; its gradient.
 * A row is read three times from cache; there is no online form, so a row's result depends on that row only.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { accumulators, mapRow, maxRow, sumOf, sumRow } from "../assembler/elementwise.ts";
import type { FunctionBuilder, FunctionRef } from "../assembler/function.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, type Int, i32, type Vec, v128 } from "../assembler/values.ts";
import type { SoftmaxArgs, SoftmaxGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "softmaxRows", task: "softmaxChunks" };

/** What attention calls. */
export interface SoftmaxFunctions {
  readonly softmaxRows: FunctionRef;
  readonly maskedSoftmaxRows: FunctionRef;
}

/**
 * softmaxRows(out, x, stride, rows, count, scale): out = softmax(scale · x), rows `stride` bytes apart in both; may run in place.
 * maskedSoftmaxRows(…, mask, unmasked): p_j = m_j·e_j / Σ m_k·e_k, zeros if all m are 0; at `unmasked`, if not 0,
 * rows of u_j = e_j / Σ m_k·e_k, which the gradient to m needs, or of u_j / (1 + u_j) where m_j is 0 (see the contract).
 */
export function defineSoftmax(module: ModuleBuilder, math: VectorMath): SoftmaxFunctions {
  const lowest = module.splat(Number.NEGATIVE_INFINITY);
  const splat = (f: FunctionBuilder, bits: Int) => f.v128(f32x4.splat(f32.fromBits(bits)));

  const softmaxRows = module.function(
    "softmaxRows",
    ["out", "x", "stride", "rows", "count", "scale"],
    (f, out, x, stride, rows, count, scale) => {
      const factor = splat(f, scale);
      f.while(rows, () => {
        const top = f.v128(maxRow(f, module, count, [x], ([value]) => value));
        const sums = accumulators(f, v128.zero);
        mapRow(f, module, out, count, [x], ([value], { keep, accumulator }) => {
          const power = f.v128(math.expOfNegative(f, f32x4.mul(f32x4.sub(value, top), factor)));
          f.set(sums[accumulator], f32x4.add(sums[accumulator], keep(power)));
          return power;
        });
        const inverse = f.v128(f32x4.splat(f32.div(1, sumOf(f, module, sums))));
        mapRow(f, module, out, count, [out], ([power]) => f32x4.mul(power, inverse));
        f.advance(out, stride);
        f.advance(x, stride);
        f.setInt(rows, i32.sub(rows, 1));
      });
    },
  );

  // Rows of the kernel lie next to each other, as the task assumes.
  defineRowTask(module, chunked, softmaxRows, ["out", "x"]);

  const parameters = ["out", "x", "stride", "rows", "count", "scale", "mask", "unmasked"] as const;
  const maskedSoftmaxRows = module.function(
    "maskedSoftmaxRows",
    parameters,
    (f, out, x, stride, rows, count, scale, mask, unmasked) => {
      const factor = splat(f, scale);
      f.while(rows, () => {
        const live = (weight: Vec) => f32x4.ne(weight, v128.zero);
        const top = f.v128(
          maxRow(f, module, count, [x, mask], ([value, weight]) => v128.select(value, lowest, live(weight))),
        );
        // No live key: every power below is then multiplied by a mask of 0, so any finite maximum will do.
        f.set(top, v128.andNot(top, f32x4.eq(top, lowest)));
        const power = (value: Vec) => math.exp(f, f32x4.mul(f32x4.sub(value, top), factor));
        const masked = (value: Vec, weight: Vec) => v128.and(f32x4.mul(value, weight), live(weight));
        f.if(
          unmasked,
          () => {
            mapRow(f, module, unmasked, count, [x], ([value]) => power(value));
            mapRow(f, module, out, count, [unmasked, mask], ([value, weight]) => masked(value, weight));
          },
          () => mapRow(f, module, out, count, [x, mask], ([value, weight]) => masked(power(value), weight)),
        );
        const total = f.v128(f32x4.splat(sumRow(f, module, count, [out], ([value]) => value)));
        const inverse = f.v128(v128.andNot(f32x4.div(module.splat(1), total), f32x4.eq(total, v128.zero)));
        mapRow(f, module, out, count, [out], ([value]) => f32x4.mul(value, inverse));
        f.if(unmasked, () => {
          const one = module.splat(1);
          mapRow(f, module, unmasked, count, [unmasked, mask], ([value, weight]) => {
            const share = f.v128(f32x4.mul(value, inverse));
            const bounded = f32x4.div(one, f32x4.add(one, f32x4.div(one, share)));
            return v128.select(share, bounded, live(weight));
          });
          f.advance(unmasked, stride);
        });
        f.advance(out, stride);
        f.advance(x, stride);
        f.setInt(rows, i32.sub(rows, 1));
      });
    },
  );

  /** dx[i] += out[i] ∘ (dOut[i] − Σ out[i]·dOut[i]). */
  const gradient = ["dx", "out", "dOut", "stride", "rows", "count"] as const;
  module.function("softmaxGradientRows", gradient, (f, dx, out, dOut, stride, rows, count) => {
    f.while(rows, () => {
      const along = sumRow(f, module, count, [out, dOut], ([y, dy]) => f32x4.mul(y, dy));
      const mean = f.v128(f32x4.splat(along));
      mapRow(f, module, dx, count, [dx, out, dOut], ([sum, y, dy]) => math.madd(y, f32x4.sub(dy, mean), sum));
      for (const row of [dx, out, dOut]) f.advance(row, stride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  return { softmaxRows, maskedSoftmaxRows };
}

export const softmax =
  (machine: Machine) =>
  ({ out, x, n, m }: SoftmaxArgs<WasmHandle>): void =>
    runRows(machine, chunked, [out.address, x.address, 4 * m, n, m, floatBits(1)], n, m);

export const softmaxGradient =
  (machine: Machine) =>
  ({ dx, out, dOut, n, m }: SoftmaxGradientArgs<WasmHandle>): void =>
    machine.call.softmaxGradientRows(dx.address, out.address, dOut.address, 4 * m, n, m);
