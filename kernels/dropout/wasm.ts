/**
 * Dropout in WebAssembly SIMD: the hash of mask.ts on four places at once.
 */
import { mapRow } from "../assembler/elementwise.ts";
import type { FunctionBuilder, Local } from "../assembler/function.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, type Int, i32, i32x4, type Vec, v128 } from "../assembler/values.ts";
import type { DropoutArgs, DropoutGradientArgs } from "./contract.ts";
import { dropThreshold } from "./mask.ts";

export function defineDropout(module: ModuleBuilder): void {
  const step = 0x9e3779b9 | 0;
  /** The hashes of the places from `offset` bytes on, compared with the threshold: ones where kept. */
  const kept = (f: FunctionBuilder, seed: Local<"i32">, place: Int, lanes: Vec, threshold: Vec) => {
    const x = f.v128(i32x4.add(i32x4.splat(i32.add(seed, i32.mul(place, step))), lanes));
    const mix = (shift: number, factor: number) =>
      f.set(x, i32x4.mul(v128.xor(x, i32x4.shrU(x, shift)), i32x4.splat(factor | 0)));
    mix(16, 0x7feb352d);
    mix(15, 0x846ca68b);
    return i32x4.geU(v128.xor(x, i32x4.shrU(x, 16)), threshold);
  };
  const lanesOf = (f: FunctionBuilder) =>
    f.v128([1, 2, 3].reduce((lanes, lane) => i32x4.replaceLane(lanes, lane, Math.imul(lane, step)), v128.zero));

  const parameters = ["out", "x", "count", "seed", "threshold", "scale"] as const;
  for (const added of [false, true]) {
    module.function(added ? "dropoutGradient" : "dropout", parameters, (f, out, x, count, seed, bound, scale) => {
      const lanes = lanesOf(f);
      const factor = f.v128(f32x4.splat(f32.fromBits(scale)));
      const threshold = f.v128(i32x4.splat(bound));
      mapRow(f, module, out, count, added ? [x, out] : [x], ([value, sum], { offset, immediate }) => {
        const place = i32.shrU(i32.add(offset, immediate), 2);
        const left = v128.and(f32x4.mul(value, factor), kept(f, seed, place, lanes, threshold));
        return added ? f32x4.add(sum, left) : left;
      });
    });
  }
}

const settings = ({ seed, probability }: { seed: number; probability: number }): number[] => [
  seed,
  dropThreshold(probability),
  floatBits(1 / (1 - probability)),
];

export const dropout =
  (machine: Machine) =>
  (args: DropoutArgs<WasmHandle>): void =>
    machine.call.dropout(args.out.address, args.x.address, args.length, ...settings(args));

export const dropoutGradient =
  (machine: Machine) =>
  (args: DropoutGradientArgs<WasmHandle>): void =>
    machine.call.dropoutGradient(args.dx.address, args.dOut.address, args.length, ...settings(args));
