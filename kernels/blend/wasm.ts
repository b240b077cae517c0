/**
 * Choosing between two states row by row in WebAssembly SIMD, and its gradient.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { mapRow, sumRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i32, v128 } from "../assembler/values.ts";
import type { BlendArgs, BlendGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "blendRows", task: "blendChunks" };

export function defineBlend(module: ModuleBuilder): void {
  const whole = module.function(
    "blendRows",
    ["out", "mask", "a", "b", "rows", "count"],
    (f, out, mask, a, b, rows, count) => {
      const weight = f.v128();
      f.while(rows, () => {
        f.set(weight, v128.loadSplat(mask));
        const rest = f.v128(f32x4.sub(module.splat(1), weight));
        const noA = f.v128(f32x4.eq(weight, v128.zero));
        const noB = f.v128(f32x4.eq(rest, v128.zero));
        // A side of weight 0 is left out rather than multiplied: 0 · NaN would leak.
        mapRow(f, module, out, count, [a, b], ([x, y]) =>
          f32x4.add(v128.andNot(f32x4.mul(weight, x), noA), v128.andNot(f32x4.mul(rest, y), noB)),
        );
        for (const row of [out, a, b]) f.advance(row, i32.shl(count, 2));
        f.advance(mask, 4);
        f.setInt(rows, i32.sub(rows, 1));
      });
    },
  );
  defineRowTask(module, chunked, whole, ["out", "a", "b"], ["mask"]);
  const backward = ["dA", "dB", "dMask", "mask", "a", "b", "dOut", "rows", "count"] as const;
  module.function("blendGradientRows", backward, (f, dA, dB, dMask, mask, a, b, dOut, rows, count) => {
    const weight = f.v128();
    f.while(rows, () => {
      f.set(weight, v128.loadSplat(mask));
      const rest = f.v128(f32x4.sub(module.splat(1), weight));
      mapRow(f, module, dA, count, [dA, dOut], ([sum, dy]) => f32x4.add(sum, f32x4.mul(weight, dy)));
      mapRow(f, module, dB, count, [dB, dOut], ([sum, dy]) => f32x4.add(sum, f32x4.mul(rest, dy)));
      const pull = sumRow(f, module, count, [a, b, dOut], ([x, y, dy]) => f32x4.mul(f32x4.sub(x, y), dy));
      f.storeFloat(dMask, 0, f32.add(f32.load(dMask), pull));
      for (const row of [dA, dB, a, b, dOut]) f.advance(row, i32.shl(count, 2));
      for (const value of [mask, dMask]) f.advance(value, 4);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const blend =
  (machine: Machine) =>
  ({ out, mask, a, b, n, d }: BlendArgs<WasmHandle>): void =>
    runRows(machine, chunked, [out.address, mask.address, a.address, b.address, n, d], n, d);

export const blendGradient =
  (machine: Machine) =>
  ({ dA, dB, dMask, mask, a, b, dOut, n, d }: BlendGradientArgs<WasmHandle>): void => {
    const targets = [dA.address, dB.address, dMask.address];
    machine.call.blendGradientRows(...targets, mask.address, a.address, b.address, dOut.address, n, d);
  };
