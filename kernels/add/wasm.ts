/**
 * Sums in WebAssembly SIMD: two buffers, a scaled one added in, rows added up.
 */
import { type Chunked, defineFlatTask, runFlat } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { FunctionRef } from "../assembler/function.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4, i32, v128 } from "../assembler/values.ts";
import type { AccumulateArgs, AddArgs } from "./contract.ts";

const chunked: Chunked = { whole: "add", task: "addChunks" };

export function defineAdd(module: ModuleBuilder): { readonly addRows: FunctionRef } {
  const whole = module.function("add", ["out", "a", "b", "count"], (f, out, a, b, count) =>
    mapRow(f, module, out, count, [a, b], ([x, y]) => f32x4.add(x, y)),
  );
  defineFlatTask(module, chunked, whole);
  module.function("accumulate", ["out", "x", "scale", "count"], (f, out, x, scale, count) => {
    const factor = f.v128(f32x4.splat(f32.fromBits(scale)));
    mapRow(f, module, out, count, [out, x], ([sum, value]) => f32x4.add(sum, f32x4.mul(value, factor)));
  });
  /** to[j] += weight_i · from[i][j] in increasing i; `weights` 0 means ones; a weight of 0 leaves its row out, NaN and all. */
  const sums = ["to", "from", "stride", "rows", "count", "weights"] as const;
  const addRows = module.function("addRows", sums, (f, to, from, stride, rows, count, weights) => {
    const weight = f.v128(module.splat(1));
    f.while(rows, () => {
      f.if(weights, () => {
        f.set(weight, v128.loadSplat(weights));
        f.advance(weights, 4);
      });
      f.if(f32.ne(f32.lane(weight, 0), 0), () =>
        mapRow(f, module, to, count, [to, from], ([sum, value]) => f32x4.add(sum, f32x4.mul(value, weight))),
      );
      f.advance(from, stride);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  return { addRows };
}

export const add =
  (machine: Machine) =>
  ({ out, a, b, length }: AddArgs<WasmHandle>): void =>
    runFlat(machine, chunked, [out.address, a.address, b.address], length);

export const accumulate =
  (machine: Machine) =>
  ({ out, x, scale, length }: AccumulateArgs<WasmHandle>): void =>
    machine.call.accumulate(out.address, x.address, floatBits(scale), length);
