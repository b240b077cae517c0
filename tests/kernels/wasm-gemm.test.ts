import { describe, expect, test } from "vitest";
import { view } from "../../engine/view.ts";
import { panelWidth } from "../../kernels/assembler/block.ts";
import { gemmScratchBytes } from "../../kernels/assembler/gemm.ts";
import { constantEnd } from "../../kernels/assembler/module.ts";
import { packedLayout } from "../../kernels/assembler/packed.ts";
import { assembleProduct } from "../../kernels/assembler/program.ts";
import { packWeights } from "../../kernels/matmul/wasm.ts";
import { type LoneProgram, lonePrograms } from "./lone-programs.ts";

const pages = 200;
const programs = lonePrograms(assembleProduct, pages);

type Layout = "packed" | "raw" | "transposed";
const heap = 4 * Math.ceil((constantEnd + gemmScratchBytes + 64) / 4);
const noise = (length: number, seed: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * 1.5);

/** a [m, k] · b [k, n] + bias [n] by the program's gemm, and the values that stand around the output afterwards. */
function product({ variant, memory, call }: LoneProgram, layout: Layout, m: number, n: number, k: number) {
  const width = panelWidth(variant);
  const floats = new Float32Array(memory.buffer);
  const [a, b, bias] = [noise(m * k, 1), noise(k * n, 2), noise(n, 3)];
  let next = heap;
  const place = (values: Float32Array) => {
    const address = next;
    floats.set(values, address / 4);
    next += 4 * values.length + 512;
    return address;
  };
  const flipped = Float32Array.from(a, (_, i) => a[(i % m) * k + Math.floor(i / m)]);
  const { panelBytes, blockBytes, length } = packedLayout(k, n, width);
  const packed = new Float32Array(length);
  packWeights(packed, view(b, [k, n]), width);
  const aArgs = layout === "transposed" ? [place(flipped), 4, 4 * m] : [place(a), 4 * k, 4];
  const bArgs =
    layout === "packed" ? [place(packed), 4 * width, panelBytes, blockBytes] : [place(b), 4 * n, 4 * width, 0];
  const start = place(bias);
  const c = place(new Float32Array(m * n + 2).fill(-9)) + 4;
  call.gemm(c, 4 * n, ...aArgs, ...bArgs, start, 0, 4, m, n, k);
  const all = floats.slice(c / 4 - 1, c / 4 + m * n + 1);
  return { a, b, bias, out: all.subarray(1, m * n + 1), guards: [all[0], all[m * n + 1]] };
}

describe.each(programs)("gemm, $variant", (program) => {
  const sizes = [0, 1, 2, 3, 4, 5, 6, 7, 11, 13, 16, 17, 25, 121];
  test.each(["packed", "raw", "transposed"] as const)("equals float64 in every tile and tail, B or A %s", (layout) => {
    for (const m of sizes) {
      for (const [n, k] of [
        [1, 1],
        [8, 0],
        [9, 3],
        [16, 4],
        [31, 13],
        [64, 40],
        [70, 385],
        [3, 800],
      ]) {
        const { a, b, bias, out, guards } = product(program, layout, m, n, k);
        let worst = 0;
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let [sum, size] = [bias[j], Math.abs(bias[j])];
            for (let p = 0; p < k; p++) {
              sum += a[i * k + p] * b[p * n + j];
              size += Math.abs(a[i * k + p] * b[p * n + j]);
            }
            worst = Math.max(worst, Math.abs(out[i * n + j] - sum) / (size || 1));
          }
        }
        expect(worst, `${m}×${n}×${k}`).toBeLessThan(1e-6);
        expect(guards).toEqual([-9, -9]);
      }
    }
  });

  test("a row is bit-equal whatever the number of rows and the layout", () => {
    for (const [n, k] of [
      [9, 13],
      [64, 33],
      [70, 801],
      [1040, 256],
    ]) {
      const whole = product(program, "packed", 1, n, k).out;
      for (const m of sizes.slice(1)) {
        const packed = product(program, "packed", m, n, k).out;
        expect([...packed.subarray(0, n)], `${m} rows`).toEqual([...whole]);
        expect(product(program, "raw", m, n, k).out).toEqual(packed);
        expect(product(program, "transposed", m, n, k).out).toEqual(packed);
      }
    }
  });
});
