/**
 * Copying rows by index in WebAssembly, and adding gradients back to the rows they came from.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32x4, i32 } from "../assembler/values.ts";
import type { GatherArgs, GatherGradientArgs } from "./contract.ts";

const chunked: Chunked = { whole: "gatherRows", task: "gatherChunks" };

export function defineGather(module: ModuleBuilder): void {
  const parameters = ["to", "from", "index", "rows", "count"] as const;
  /** to[i] = from[index[i]] */
  const whole = module.function("gatherRows", parameters, (f, to, from, index, rows, count) => {
    const source = f.i32();
    f.while(rows, () => {
      f.setInt(source, i32.add(from, i32.mul(i32.load(index), i32.shl(count, 2))));
      mapRow(f, module, to, count, [source], ([value]) => value);
      f.advance(to, i32.shl(count, 2));
      f.advance(index, 4);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  defineRowTask(module, chunked, whole, ["to"], ["index"]);
  /** to[index[i]] += from[i], in increasing i */
  module.function("addRowsAt", parameters, (f, to, from, index, rows, count) => {
    const target = f.i32();
    f.while(rows, () => {
      f.setInt(target, i32.add(to, i32.mul(i32.load(index), i32.shl(count, 2))));
      mapRow(f, module, target, count, [target, from], ([sum, value]) => f32x4.add(sum, value));
      f.advance(from, i32.shl(count, 2));
      f.advance(index, 4);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
}

export const gather =
  (machine: Machine) =>
  ({ out, table, index, n, d }: GatherArgs<WasmHandle>): void =>
    runRows(machine, chunked, [out.address, table.address, index.address, n, d], n, d);

export const gatherGradient =
  (machine: Machine) =>
  ({ dTable, dOut, index, n, d }: GatherGradientArgs<WasmHandle>): void =>
    machine.call.addRowsAt(dTable.address, dOut.address, index.address, n, d);
