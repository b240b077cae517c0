/**
 * The hyperbolic tangent in WebAssembly SIMD, and its gradient.
 */
import { type Chunked, defineFlatTask, runFlat } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32x4 } from "../assembler/values.ts";
import type { TanhArgs, TanhGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "tanh", task: "tanhChunks" };

export function defineTanh(module: ModuleBuilder, math: VectorMath): void {
  const tanh = module.function("tanh", ["out", "x", "count"], (f, out, x, count) =>
    mapRow(f, module, out, count, [x], ([value]) => math.tanh(f, value)),
  );
  defineFlatTask(module, chunked, tanh);
  module.function("tanhGradient", ["dx", "out", "dOut", "count"], (f, dx, out, dOut, count) =>
    mapRow(f, module, dx, count, [dx, out, dOut], ([sum, y, dy]) =>
      math.madd(dy, f32x4.sub(module.splat(1), f32x4.mul(y, y)), sum),
    ),
  );
}

export const tanh =
  (machine: Machine) =>
  ({ out, x, length }: TanhArgs<WasmHandle>): void =>
    runFlat(machine, chunked, [out.address, x.address], length);

export const tanhGradient =
  (machine: Machine) =>
  ({ dx, out, dOut, length }: TanhGradientArgs<WasmHandle>): void =>
    machine.call.tanhGradient(dx.address, out.address, dOut.address, length);
