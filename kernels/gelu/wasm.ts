/**
 * The exact GELU in WebAssembly SIMD, and its gradient. Precision stands with the functions in assembler/math.ts.
 */
import { type Chunked, defineFlatTask, runFlat } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import type { GeluArgs, GeluGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "gelu", task: "geluChunks" };

export function defineGelu(module: ModuleBuilder, math: VectorMath): void {
  const gelu = module.function("gelu", ["out", "x", "count"], (f, out, x, count) =>
    mapRow(f, module, out, count, [x], ([value]) => math.gelu(f, value)),
  );
  defineFlatTask(module, chunked, gelu);
  module.function("geluGradient", ["dx", "x", "dOut", "count"], (f, dx, x, dOut, count) =>
    mapRow(f, module, dx, count, [dx, x, dOut], ([sum, value, dy]) => math.madd(dy, math.geluSlope(f, value), sum)),
  );
}

export const gelu =
  (machine: Machine) =>
  ({ out, x, length }: GeluArgs<WasmHandle>): void =>
    runFlat(machine, chunked, [out.address, x.address], length);

export const geluGradient =
  (machine: Machine) =>
  ({ dx, x, dOut, length }: GeluGradientArgs<WasmHandle>): void =>
    machine.call.geluGradient(dx.address, x.address, dOut.address, length);
