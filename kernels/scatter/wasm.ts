/**
 * Copying rows to given places in WebAssembly.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { i32 } from "../assembler/values.ts";
import type { ScatterArgs } from "./contract.ts";

const chunked: Chunked = { whole: "scatterRows", task: "scatterChunks" };

export function defineScatter(module: ModuleBuilder): void {
  const parameters = ["to", "from", "index", "rows", "count"] as const;
  const whole = module.function("scatterRows", parameters, (f, to, from, index, rows, count) => {
    const target = f.i32();
    f.while(rows, () => {
      f.setInt(target, i32.add(to, i32.mul(i32.load(index), i32.shl(count, 2))));
      mapRow(f, module, target, count, [from], ([value]) => value);
      f.advance(from, i32.shl(count, 2));
      f.advance(index, 4);
      f.setInt(rows, i32.sub(rows, 1));
    });
  });
  defineRowTask(module, chunked, whole, ["from"], ["index"]);
}

export const scatter =
  (machine: Machine) =>
  ({ out, x, index, n, d }: ScatterArgs<WasmHandle>): void =>
    runRows(machine, chunked, [out.address, x.address, index.address, n, d], n, d);
