/**
 * The exact GELU in WebAssembly SIMD, and its gradient. Precision stands with the functions in assembler/math.ts.
 */
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32x4, v128 } from "../assembler/values.ts";
import type { GeluArgs, GeluGradientArgs } from "./contract.ts";

export function defineGelu(module: ModuleBuilder, math: VectorMath): void {
  module.function("gelu", ["out", "x", "count"], (f, out, x, count) =>
    mapRow(f, module, out, count, (at) => math.gelu(f, at(x))),
  );
  module.function("geluGradient", ["dx", "x", "dOut", "count"], (f, dx, x, dOut, count) =>
    mapRow(f, module, dx, count, (at) => {
      const value = f.v128(at(x));
      const tail = f.v128(math.normalTail(f, f32x4.abs(value)));
      const below = f32x4.lt(value, v128.zero);
      const cumulative = v128.select(tail, f32x4.sub(module.splat(1), tail), below);
      const halfSquare = f32x4.mul(f32x4.mul(value, value), module.splat(-0.5));
      const density = f32x4.mul(math.exp(f, halfSquare), module.splat(1 / Math.sqrt(2 * Math.PI)));
      return f32x4.add(at(dx), f32x4.mul(at(dOut), f32x4.add(cumulative, f32x4.mul(value, density))));
    }),
  );
}

export const gelu =
  (machine: Machine) =>
  ({ out, x, length }: GeluArgs<WasmHandle>): void =>
    machine.call.gelu(out.address, x.address, length);

export const geluGradient =
  (machine: Machine) =>
  ({ dx, x, dOut, length }: GeluGradientArgs<WasmHandle>): void =>
    machine.call.geluGradient(dx.address, x.address, dOut.address, length);
