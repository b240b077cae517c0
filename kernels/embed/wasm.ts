/**
 * The sum of a token's three embedding rows, in WebAssembly SIMD.
 */
import { type Chunked, defineRowTask, runRows } from "../assembler/chunks.ts";
import { mapRow } from "../assembler/elementwise.ts";
import type { Machine, WasmHandle } from "../assembler/machine.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32x4, i32 } from "../assembler/values.ts";
import type { EmbedArgs } from "./contract.ts";

const chunked: Chunked = { whole: "embedRows", task: "embedChunks" };

/** Rows whose words are brought into the cache together. */
const rowsOfGroup = 16;
const lineBytes = 64;

export function defineEmbed(module: ModuleBuilder): void {
  const parameters = ["out", "word", "position", "segment", "ids", "positions", "segments", "rows", "count"] as const;
  const whole = module.function(
    "embedRows",
    parameters,
    (f, out, word, position, segment, ids, positions, segments, rows, count) => {
      const pairs = [[word, ids] as const, [position, positions] as const, [segment, segments] as const];
      const sources = pairs.map(() => f.i32());
      const [taken, left, row, line] = [f.i32(), f.i32(), f.i32(), f.i32()];
      f.while(rows, () => {
        // Rows of words lie all over memory: those of a group are asked for at once.
        f.setInt(taken, i32.minU(rows, rowsOfGroup));
        f.for(left, 0, taken, 1, () => {
          const id = i32.load(i32.add(ids, i32.shl(left, 2)));
          f.setInt(row, i32.add(word, i32.mul(id, i32.shl(count, 2))));
          f.for(line, 0, i32.shl(count, 2), lineBytes, () => f.drop(i32.load(i32.add(row, line))));
        });
        f.setInt(rows, i32.sub(rows, taken));
        f.while(taken, () => {
          for (const [i, [table, index]] of pairs.entries()) {
            f.setInt(sources[i], i32.add(table, i32.mul(i32.load(index), i32.shl(count, 2))));
            f.advance(index, 4);
          }
          mapRow(f, module, out, count, sources, ([a, b, c]) => f32x4.add(f32x4.add(a, b), c));
          f.advance(out, i32.shl(count, 2));
          f.setInt(taken, i32.sub(taken, 1));
        });
      });
    },
  );
  defineRowTask(module, chunked, whole, ["out"], ["ids", "positions", "segments"]);
}

export const embed =
  (machine: Machine) =>
  ({ out, word, position, segment, ids, positions, segments, n, d }: EmbedArgs<WasmHandle>): void => {
    const tables = [word.address, position.address, segment.address];
    const indices = [ids.address, positions.address, segments.address];
    runRows(machine, chunked, [out.address, ...tables, ...indices, n, d], n, d);
  };
