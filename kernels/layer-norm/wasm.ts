/**
 * Layer normalisation in WebAssembly SIMD, a row at a time, and its gradient.
 * The mean is computed twice: the second pass corrects the rounding of the first, so that a constant row gives exactly beta.
 */
import { foldRow, laneSum, mapRow } from "../assembler/elementwise.ts";
import type { FunctionBuilder, Local } from "../assembler/function.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i32, type Vec, v128 } from "../assembler/values.ts";
import type { LayerNormArgs, LayerNormGradientArgs } from "./contract.ts";

export function defineLayerNorm(module: ModuleBuilder): void {
  const averageOf = (sum: Vec, count: Local<"i32">) => f32x4.splat(f32.div(laneSum(sum), f32.convertI32U(count)));

  /** Mean and 1/√(variance + eps) of the row at x, in all lanes. */
  const statistics = (f: FunctionBuilder, x: Local<"i32">, count: Local<"i32">, eps: Local<"i32">) => {
    const sum = f.v128(v128.zero);
    foldRow(f, module, count, (at, keep) => f.set(sum, f32x4.add(sum, keep(at(x)))));
    const mean = f.v128(averageOf(sum, count));
    const first = f.v128(v128.zero);
    const second = f.v128(v128.zero);
    foldRow(f, module, count, (at, keep) => {
      const difference = f.v128(keep(f32x4.sub(at(x), mean)));
      f.set(first, f32x4.add(first, difference));
      f.set(second, f32x4.add(second, f32x4.mul(difference, difference)));
    });
    const correction = f.v128(averageOf(first, count));
    f.set(mean, f32x4.add(mean, correction));
    const variance = f32x4.sub(averageOf(second, count), f32x4.mul(correction, correction));
    const guarded = f32x4.add(f32x4.max(variance, v128.zero), f32x4.splat(f32.fromBits(eps)));
    return { mean, scale: f.v128(f32x4.div(module.splat(1), f32x4.sqrt(guarded))) };
  };

  const forward = ["out", "x", "gamma", "beta", "rows", "count", "eps"] as const;
  module.function("layerNormRows", forward, (f, out, x, gamma, beta, rows, count, eps) => {
    f.while(rows, () => {
      const { mean, scale } = statistics(f, x, count, eps);
      mapRow(f, module, out, count, (at) =>
        f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(at(x), mean), scale), at(gamma)), at(beta)),
      );
      for (const row of [out, x]) f.advance(row, i32.shl(count, 2));
      f.setInt(rows, i32.sub(rows, 1));
    });
  });

  const backward = ["dx", "dGamma", "dBeta", "x", "gamma", "dOut", "rows", "count", "eps"] as const;
  module.function("layerNormGradientRows", backward, (f, dx, dGamma, dBeta, x, gamma, dOut, rows, count, eps) => {
    f.while(rows, () => {
      const { mean, scale } = statistics(f, x, count, eps);
      const normal = (at: (row: Local<"i32">) => Vec) => f32x4.mul(f32x4.sub(at(x), mean), scale);
      const plain = f.v128(v128.zero);
      const along = f.v128(v128.zero);
      foldRow(f, module, count, (at, keep) => {
        const inner = f.v128(keep(f32x4.mul(at(dOut), at(gamma))));
        f.set(plain, f32x4.add(plain, inner));
        f.set(along, f32x4.add(along, keep(f32x4.mul(inner, normal(at)))));
      });
      const meanPlain = f.v128(averageOf(plain, count));
      const meanAlong = f.v128(averageOf(along, count));
      mapRow(f, module, dx, count, (at) => {
        const centred = f32x4.sub(
          f32x4.sub(f32x4.mul(at(dOut), at(gamma)), meanPlain),
          f32x4.mul(normal(at), meanAlong),
        );
        return f32x4.add(at(dx), f32x4.mul(centred, scale));
      });
      mapRow(f, module, dGamma, count, (at) => f32x4.add(at(dGamma), f32x4.mul(at(dOut), normal(at))));
      mapRow(f, module, dBeta, count, (at) => f32x4.add(at(dBeta), at(dOut)));
      for (const row of [dx, x, dOut]) f.advance(row, i32.shl(count, 2));
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const layerNorm =
  (machine: Machine) =>
  ({ out, x, gamma, beta, eps, n, d }: LayerNormArgs<WasmHandle>): void =>
    machine.call.layerNormRows(out.address, x.address, gamma.address, beta.address, n, d, floatBits(eps));

export const layerNormGradient =
  (machine: Machine) =>
  ({ dx, dGamma, dBeta, x, gamma, dOut, eps, n, d }: LayerNormGradientArgs<WasmHandle>): void => {
    const targets = [dx.address, dGamma.address, dBeta.address];
    machine.call.layerNormGradientRows(...targets, x.address, gamma.address, dOut.address, n, d, floatBits(eps));
  };
