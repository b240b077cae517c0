/**
 * Layer normalisation in WebAssembly SIMD, a row at a time, and its gradient.
 * The mean is computed twice: the second pass corrects the rounding of the first, so that a constant row gives exactly beta.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { accumulators, foldRow, mapRow, sumOf } from "../assembler/elementwise.ts";
import type { FunctionBuilder, Local } from "../assembler/function.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { type Float, f32, f32x4, i32, type Vec, v128 } from "../assembler/values.ts";
import type { LayerNormArgs, LayerNormGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "layerNormRows", task: "layerNormChunks" };

export function defineLayerNorm(module: ModuleBuilder, { madd }: VectorMath): void {
  const zeros = (f: FunctionBuilder) => accumulators(f, v128.zero);
  const averageOf = (sum: Float, count: Local<"i32">) => f32x4.splat(f32.div(sum, f32.convertI32U(count)));

  /** Mean and 1/√(variance + eps) of each of the rows at `xs`, in all lanes: what one row waits for leaves time for another. */
  const statistics = (f: FunctionBuilder, xs: readonly Local<"i32">[], count: Local<"i32">, eps: Local<"i32">) => {
    const sums = xs.map(() => ({ all: zeros(f), first: zeros(f), second: zeros(f) }));
    foldRow(f, module, count, xs, (values, { keep, accumulator: i }) => {
      for (const [r, { all }] of sums.entries()) f.set(all[i], f32x4.add(all[i], keep(values[r])));
    });
    const means = sums.map(({ all }) => f.v128(averageOf(sumOf(f, module, all), count)));
    foldRow(f, module, count, xs, (values, { keep, accumulator: i }) => {
      for (const [r, { first, second }] of sums.entries()) {
        const difference = f.v128(keep(f32x4.sub(values[r], means[r])));
        f.set(first[i], f32x4.add(first[i], difference));
        f.set(second[i], madd(difference, difference, second[i]));
      }
    });
    return sums.map(({ first, second }, r) => {
      const mean = means[r];
      const correction = f.v128(averageOf(sumOf(f, module, first), count));
      f.set(mean, f32x4.add(mean, correction));
      const variance = f32x4.sub(averageOf(sumOf(f, module, second), count), f32x4.mul(correction, correction));
      const guarded = f32x4.add(f32x4.max(variance, v128.zero), f32x4.splat(f32.fromBits(eps)));
      return { mean, scale: f.v128(f32x4.div(module.splat(1), f32x4.sqrt(guarded))) };
    });
  };

  const forward = ["out", "x", "gamma", "beta", "rows", "count", "eps"] as const;
  const whole = module.function("layerNormRows", forward, (f, out, x, gamma, beta, rows, count, eps) => {
    const bytes = f.i32(i32.shl(count, 2));
    const turn = (taken: number) => {
      const xs = Array.from({ length: taken }, (_, r) => f.i32(i32.add(x, i32.mul(bytes, r))));
      for (const { mean, scale } of statistics(f, xs, count, eps)) {
        mapRow(f, module, out, count, [x, gamma, beta], ([value, factor, shift]) =>
          madd(f32x4.mul(f32x4.sub(value, mean), scale), factor, shift),
        );
        for (const row of [out, x]) f.advance(row, bytes);
      }
      f.setInt(rows, i32.sub(rows, taken));
    };
    f.while(i32.gtU(rows, 1), () => turn(2));
    f.if(rows, () => turn(1));
  });

  defineRowTask(module, chunked, whole, ["out", "x"]);

  const backward = ["dx", "dGamma", "dBeta", "x", "gamma", "dOut", "rows", "count", "eps"] as const;
  module.function("layerNormGradientRows", backward, (f, dx, dGamma, dBeta, x, gamma, dOut, rows, count, eps) => {
    f.while(rows, () => {
      const [{ mean, scale }] = statistics(f, [x], count, eps);
      const normal = (value: Vec) => f32x4.mul(f32x4.sub(value, mean), scale);
      const plain = accumulators(f, v128.zero);
      const along = accumulators(f, v128.zero);
      foldRow(f, module, count, [x, gamma, dOut], ([value, factor, dy], { keep, accumulator }) => {
        const inner = f.v128(keep(f32x4.mul(dy, factor)));
        f.set(plain[accumulator], f32x4.add(plain[accumulator], inner));
        f.set(along[accumulator], f32x4.add(along[accumulator], keep(f32x4.mul(inner, normal(value)))));
      });
      const meanPlain = f.v128(averageOf(sumOf(f, module, plain), count));
      const meanAlong = f.v128(averageOf(sumOf(f, module, along), count));
      mapRow(f, module, dx, count, [dx, x, gamma, dOut], ([sum, value, factor, dy]) => {
        const centred = f32x4.sub(f32x4.sub(f32x4.mul(dy, factor), meanPlain), f32x4.mul(normal(value), meanAlong));
        return madd(centred, scale, sum);
      });
      mapRow(f, module, dGamma, count, [dGamma, x, dOut], ([sum, value, dy]) => madd(dy, normal(value), sum));
      mapRow(f, module, dBeta, count, [dBeta, dOut], ([sum, dy]) => f32x4.add(sum, dy));
      for (const row of [dx, x, dOut]) f.advance(row, i32.shl(count, 2));
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const layerNorm =
  (machine: Machine) =>
  ({ out, x, gamma, beta, eps, n, d }: LayerNormArgs<WasmHandle>): void =>
    runRows(machine, chunked, [out.address, x.address, gamma.address, beta.address, n, d, floatBits(eps)], n, d);

export const layerNormGradient =
  (machine: Machine) =>
  ({ dx, dGamma, dBeta, x, gamma, dOut, eps, n, d }: LayerNormGradientArgs<WasmHandle>): void => {
    const targets = [dx.address, dGamma.address, dBeta.address];
    machine.call.layerNormGradientRows(...targets, x.address, gamma.address, dOut.address, n, d, floatBits(eps));
  };
