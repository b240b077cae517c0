/** What tiles read behind a packed matrix is in memory, wherever the matrix lies; at the very end of memory it would not be. */
import { describe, expect, it, test } from "vitest";
import { bytesBehind } from "../../kernels/assembler/ahead.ts";
import { panelWidth } from "../../kernels/assembler/block.ts";
import { gemmScratchBytes } from "../../kernels/assembler/gemm.ts";
import { heapIn } from "../../kernels/assembler/heap.ts";
import { constantEnd, tailBytes } from "../../kernels/assembler/module.ts";
import { assembleProduct } from "../../kernels/assembler/program.ts";
import { lonePrograms } from "./lone-programs.ts";

const pages = 64;
const [k, m] = [256, 64];
const a = 64 * Math.ceil((constantEnd + tailBytes + gemmScratchBytes) / 64);

describe.each(lonePrograms(assembleProduct, pages))("$variant", ({ variant, zeros, call }) => {
  const width = panelWidth(variant);
  /** The product of n rows with a matrix that ends so many bytes before memory does. */
  const run = (n: number, behind: number) => {
    const b = 65536 * pages - behind - 4 * k * m;
    const c = a + 4 * n * k;
    call.gemm(c, 4 * m, a, 4 * k, 4, b, 4 * width, 4 * width * k, 0, zeros, 0, 0, n, m, k);
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 16, 20])(
    "%i rows read no further behind a matrix than bytesBehind and a line",
    (n) => {
      for (let behind = 0; behind <= 16384; behind += 64) run(n, bytesBehind + 64 + behind);
    },
  );

  it("asks for lines that lie behind the matrix", () => {
    expect(() => run(4, 0)).toThrow(WebAssembly.RuntimeError);
  });
});

it("leaves as much behind every buffer", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const heap = heapIn(memory, constantEnd);
  for (const bytes of [64, 60_000, 65_536, 100_000, 1_000_000, 1_048_576, 3_000_000]) {
    const address = heap.take(bytes);
    expect(memory.buffer.byteLength - (address + bytes)).toBeGreaterThanOrEqual(bytesBehind + 64);
  }
});
