/**
 * Softmax of whole rows in WebAssembly SIMD, plain and masked, for the kernel of that name and for attention; its gradient.
 * A row is read three times from cache; there is no online form, so a row's result depends on that row only.
 */
import { foldRow, laneMax, laneSum, mapRow } from "../assembler/elementwise.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i32, v128 } from "../assembler/values.ts";
import type { SoftmaxArgs, SoftmaxGradientArgs } from "./contract.ts";

/**
 * softmaxRows(out, x, stride, rows, count, scale): out = softmax(scale · x), rows `stride` bytes apart in both; may run in place.
 * maskedSoftmaxRows(…, mask, unmasked): p_j = m_j·e_j / Σ m_k·e_k, zeros if all m are 0; at `unmasked`, if not 0,
 * rows of u_j = e_j / Σ m_k·e_k, which the gradient to m needs, or of u_j / (1 + u_j) where m_j is 0 (see the contract).
 */
export function defineSoftmax(module: ModuleBuilder, math: VectorMath): void {
  const lowest = module.splat(Number.NEGATIVE_INFINITY);
  module.function(
    "softmaxRows",
    ["out", "x", "stride", "rows", "count", "scale"],
    (f, out, x, stride, rows, count, scale) => {
      const factor = f.v128(f32x4.splat(f32.fromBits(scale)));
      f.while(rows, () => {
        const top = f.v128(lowest);
        foldRow(f, module, count, (at, keep) => f.set(top, f32x4.pmax(top, keep(at(x), Number.NEGATIVE_INFINITY))));
        f.set(top, laneMax(f, top));
        mapRow(f, module, out, count, (at) => math.exp(f, f32x4.mul(f32x4.sub(at(x), top), factor)));
        const sum = f.v128(v128.zero);
        foldRow(f, module, count, (at, keep) => f.set(sum, f32x4.add(sum, keep(at(out)))));
        const inverse = f.v128(f32x4.splat(f32.div(1, laneSum(sum))));
        mapRow(f, module, out, count, (at) => f32x4.mul(at(out), inverse));
        f.advance(out, stride);
        f.advance(x, stride);
        f.setInt(rows, i32.sub(rows, 1));
      });
    },
  );

  const parameters = ["out", "x", "stride", "rows", "count", "scale", "mask", "unmasked"] as const;
  module.function("maskedSoftmaxRows", parameters, (f, out, x, stride, rows, count, scale, mask, unmasked) => {
    const factor = f.v128(f32x4.splat(f32.fromBits(scale)));
    f.while(rows, () => {
      const top = f.v128(lowest);
      foldRow(f, module, count, (at, keep) => {
        const absent = f32x4.eq(at(mask), v128.zero);
        f.set(top, f32x4.pmax(top, keep(v128.select(lowest, at(x), absent), Number.NEGATIVE_INFINITY)));
      });
      f.set(top, laneMax(f, top));
      // No live key: every power below is then multiplied by a mask of 0, so any finite maximum will do.
      f.set(top, v128.andNot(top, f32x4.eq(top, lowest)));
      f.if(
        unmasked,
        () => {
          mapRow(f, module, unmasked, count, (at) => math.exp(f, f32x4.mul(f32x4.sub(at(x), top), factor)));
          mapRow(f, module, out, count, (at) =>
            v128.and(f32x4.mul(at(unmasked), at(mask)), f32x4.ne(at(mask), v128.zero)),
          );
        },
        () =>
          mapRow(f, module, out, count, (at) => {
            const power = f.v128(math.exp(f, f32x4.mul(f32x4.sub(at(x), top), factor)));
            return v128.and(f32x4.mul(power, at(mask)), f32x4.ne(at(mask), v128.zero));
          }),
      );
      const sum = f.v128(v128.zero);
      foldRow(f, module, count, (at, keep) => f.set(sum, f32x4.add(sum, keep(at(out)))));
      const total = f.v128(f32x4.splat(laneSum(sum)));
      const inverse = f.v128(v128.andNot(f32x4.div(module.splat(1), total), f32x4.eq(total, v128.zero)));
      mapRow(f, module, out, count, (at) => f32x4.mul(at(out), inverse));
      f.if(unmasked, () => {
        const one = module.splat(1);
        mapRow(f, module, unmasked, count, (at) => {
          const share = f.v128(f32x4.mul(at(unmasked), inverse));
          const bounded = f32x4.div(one, f32x4.add(one, f32x4.div(one, share)));
          return v128.select(bounded, share, f32x4.eq(at(mask), v128.zero));
        });
        f.advance(unmasked, stride);
      });
      f.advance(out, stride);
      f.advance(x, stride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });

  /** dx[i] += scale · out[i] ∘ (dOut[i] − Σ out[i]·dOut[i]). */
  const gradient = ["dx", "out", "dOut", "stride", "rows", "count"] as const;
  module.function("softmaxGradientRows", gradient, (f, dx, out, dOut, stride, rows, count) => {
    f.while(rows, () => {
      const sum = f.v128(v128.zero);
      foldRow(f, module, count, (at, keep) => f.set(sum, f32x4.add(sum, keep(f32x4.mul(at(out), at(dOut))))));
      const mean = f.v128(f32x4.splat(laneSum(sum)));
      mapRow(f, module, dx, count, (at) => f32x4.add(at(dx), f32x4.mul(at(out), f32x4.sub(at(dOut), mean))));
      for (const row of [dx, out, dOut]) f.advance(row, stride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const softmax =
  (machine: Machine) =>
  ({ out, x, n, m }: SoftmaxArgs<WasmHandle>): void =>
    machine.call.softmaxRows(out.address, x.address, 4 * m, n, m, floatBits(1));

export const softmaxGradient =
  (machine: Machine) =>
  ({ dx, out, dOut, n, m }: SoftmaxGradientArgs<WasmHandle>): void =>
    machine.call.softmaxGradientRows(dx.address, out.address, dOut.address, 4 * m, n, m);
