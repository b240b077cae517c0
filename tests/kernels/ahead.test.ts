/** What tiles read behind a packed matrix is in memory, wherever the matrix lies; at the very end of memory it would not be. */
import { setFlagsFromString } from "node:v8";
import { describe, expect, it, test } from "vitest";
import { bytesBehind } from "../../kernels/assembler/ahead.ts";
import { panelWidth } from "../../kernels/assembler/block.ts";
import { gemmScratchBytes } from "../../kernels/assembler/gemm.ts";
import { heapIn } from "../../kernels/assembler/heap.ts";
import { constantEnd, tailBytes } from "../../kernels/assembler/module.ts";
import { assemble } from "../../kernels/assembler/program.ts";
import { type Variant, variants } from "../../kernels/assembler/variant.ts";

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

const pages = 64;
const [k, m] = [256, 64];

function machineOf(variant: Variant) {
  const { bytes, zeros } = assemble(variant, { initialPages: pages });
  if (!WebAssembly.validate(bytes)) {
    console.log(`skipped: this engine rejects the ${variant} build`);
    return [];
  }
  const memory = new WebAssembly.Memory({ initial: pages });
  const env = { memory, scratch: constantEnd, thread: 0 };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
  const gemm = exports.gemm as (...args: number[]) => void;
  const width = panelWidth(variant);
  const a = 64 * Math.ceil((constantEnd + tailBytes + gemmScratchBytes) / 64);
  /** The product of n rows with a matrix that ends so many bytes before memory does. */
  const run = (n: number, behind: number) => {
    const b = 65536 * pages - behind - 4 * k * m;
    const c = a + 4 * n * k;
    gemm(c, 4 * m, a, 4 * k, 4, b, 4 * width, 4 * width * k, 0, zeros, 0, 0, n, m, k);
  };
  return [{ variant, run }];
}

describe.each(variants.flatMap(machineOf))("$variant", ({ run }) => {
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
