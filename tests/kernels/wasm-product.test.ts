/** The task behind matmul: any grid of chunks, in any order, gives the bits of gemm followed by the activation and the residual. */
import { describe, expect, test } from "vitest";
import { view } from "../../engine/view.ts";
import { panelWidth } from "../../kernels/assembler/block.ts";
import { arrangedBytes } from "../../kernels/assembler/far.ts";
import { gemmScratchBytes } from "../../kernels/assembler/gemm.ts";
import { constantEnd, tailBytes } from "../../kernels/assembler/module.ts";
import { packedLayout } from "../../kernels/assembler/packed.ts";
import { assemble } from "../../kernels/assembler/program.ts";
import { gridOf } from "../../kernels/matmul/product.ts";
import { packWeights } from "../../kernels/matmul/wasm.ts";
import { lonePrograms } from "./lone-programs.ts";

const pages = 300;

const noise = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233));

describe.each(lonePrograms(assemble, pages))("product, $variant", ({ variant, memory, zeros, call }) => {
  const width = panelWidth(variant);
  const floats = new Float32Array(memory.buffer);
  const heap = 64 * Math.ceil((constantEnd + tailBytes + gemmScratchBytes) / 64);
  test.each([
    [1, 801, 130],
    [3, 33, 64],
    [7, 70, 200],
    [13, 400, 300],
    [16, 1001, 300],
    [20, 1001, 300],
    [70, 560, 600],
    [125, 385, 270],
  ])("%i × %i × %i in any grid", (n, k, m) => {
    let next = heap;
    const place = (values: Float32Array) => {
      const address = next;
      floats.set(values, address / 4);
      next += 64 * Math.ceil((4 * values.length + 256) / 64);
      return address;
    };
    const { depth, blocks, panelBytes, blockBytes, length } = packedLayout(k, m, width);
    const packed = new Float32Array(length);
    packWeights(packed, view(noise(k * m, 2), [k, m]), width);
    const [a, weights, bias, residual] = [noise(n * k, 1), packed, noise(m, 3), noise(n * m, 4)].map(place);
    const [out, expected] = [place(new Float32Array(n * m)), place(new Float32Array(n * m))];
    const valuesAt = (address: number) => floats.slice(address / 4, address / 4 + n * m);
    for (const [activation, name] of [
      [0, undefined],
      [1, "gelu"],
      [2, "tanh"],
    ] as const) {
      for (const [start, stride, added] of [
        [bias, 4, residual],
        [bias, 4, 0],
        [zeros, 0, residual],
      ]) {
        const b = [weights, 4 * width, panelBytes, blockBytes];
        call.gemm(expected, 4 * m, a, 4 * k, 4, ...b, start, 0, stride, n, m, k);
        if (name) call[name](expected, expected, n * m);
        if (added) call.add(expected, expected, added, n * m);
        for (const [rows, columns] of [
          [n, 320],
          [n, 64],
          [1, 320],
          [5, 128],
          [Math.ceil(n / 2), 16],
        ]) {
          const chunks = Math.ceil(n / rows) * Math.ceil(m / columns);
          const ofBlock = 64 * Math.ceil(arrangedBytes(Math.min(n, rows)) / 64);
          const parts = Math.ceil(n / rows) * blocks;
          call.arrange(next, a, n, k, depth, blocks, ofBlock, rows, 0, parts);
          const arranged = [next, ofBlock, blocks * ofBlock];
          for (const [atOnce, ready] of [
            [1, [0, 0, 0]],
            [3, [0, 0, 0]],
            [3, arranged],
          ] as const) {
            floats.fill(-9, out / 4, out / 4 + n * m);
            for (let last = chunks; last > 0; last -= atOnce) {
              const operands = [out, a, weights, start, stride, added, activation];
              const sizes = [n, k, m, panelBytes, blockBytes, ...ready, rows, columns];
              call.product(...operands, ...sizes, Math.max(0, last - atOnce), last);
            }
            const [found, wanted] = [valuesAt(out), valuesAt(expected)];
            const different = found.findIndex((value, i) => !Object.is(value, wanted[i]));
            expect(
              different,
              `${rows} rows × ${columns} columns a chunk, ${atOnce} at once, arranged at ${ready[0]}, ${name}`,
            ).toBe(-1);
          }
        }
      }
    }
  });
});

test("one thread gets all columns at once, little work too; more threads get chunks that cover everything", () => {
  expect(gridOf({ n: 512, k: 3072, m: 768 }, 1)).toMatchObject({ chunks: 1, arranges: false });
  expect(gridOf({ n: 512, k: 768, m: 3072 }, 1)).toMatchObject({ chunks: 3, rowsPerChunk: 171, arranges: true });
  expect(gridOf({ n: 8, k: 128, m: 128 }, 8)).toMatchObject({ chunks: 1, arranges: false });
  for (const threads of [2, 3, 4, 8]) {
    for (const n of [1, 8, 32, 65, 128, 512]) {
      for (const m of [768, 3072, 65]) {
        const { rowsPerChunk, columnsPerChunk, chunks } = gridOf({ n, k: 768, m }, threads);
        expect(columnsPerChunk % 32).toBe(0);
        expect(chunks).toBe(Math.ceil(n / rowsPerChunk) * Math.ceil(m / columnsPerChunk));
        if (n >= 32 && m >= 768) expect(chunks).toBeGreaterThanOrEqual(Math.min(24, 12 * threads));
      }
    }
  }
});
