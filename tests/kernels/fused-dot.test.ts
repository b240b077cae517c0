/** The fused form of the 8-bit product has the other's bits, and is taken only where the probe's numbers say so. */
import { describe, expect, it } from "vitest";
import { view } from "../../engine/view.ts";
import type { WasmHandle } from "../../kernels/assembler/machine.ts";
import { assemble } from "../../kernels/assembler/program.ts";
import { startEngine, unsharedMemory } from "../../kernels/backends/wasm-engine.ts";
import { fusesDot } from "../../kernels/matmul-int8/fused-dot.ts";
import { packInt8, partsOf } from "../../kernels/matmul-int8/packing.ts";
import { quantiseWeights } from "../../kernels/matmul-int8/quantise.ts";
import { int8Tiles } from "../../kernels/matmul-int8/tile.ts";
import { matmulInt8 } from "../../kernels/matmul-int8/wasm.ts";
import { acceptedVariants } from "./wasm-variants.ts";

/** A probe that finds these two sums. */
function probed(tooLarge: number, ordinary: number): boolean {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const dotProbe = (to: number): void => {
    new Int32Array(memory.buffer, to, 4).fill(tooLarge);
    new Int32Array(memory.buffer, to + 16, 4).fill(ordinary);
  };
  return fusesDot({ dotProbe }, memory, 64);
}

/** Twice what the probe's proper operands come to. */
const right = 2 * (-3 * 64 + 5 * 127 - 127 * 2 + 127);

describe("the probe", () => {
  it("knows AVX-VNNI by a byte that is 255, and Arm by one that is -1", () => {
    expect(probed(2 * 4 * 127 * 255, right)).toBe(true);
    expect(probed(-2 * 4 * 127, right)).toBe(true);
  });

  it("refuses sums of pairs that saturated, and whoever adds up wrongly", () => {
    expect(probed(2 * 65534, right)).toBe(false);
    // As Node 20's baseline compiler has it.
    expect(probed(131_068 + 65_534, 948)).toBe(false);
    expect(probed(2 * 4 * 127 * 255, right + 1)).toBe(false);
  });

  it("has nothing to look at in the plain build", () => {
    expect(fusesDot({}, new WebAssembly.Memory({ initial: 1 }), 0)).toBe(false);
  });
});

const relaxed = acceptedVariants.filter((variant) => variant !== "plain");

describe.each(relaxed)("%s", (variant) => {
  const { machine, memory, heap } = startEngine(assemble(variant, unsharedMemory), variant);
  const scratch = heap.take(64);
  machine.call.dotProbe(scratch);
  const isRight = new Int32Array(memory.buffer, scratch, 8)[4] === right;

  it.skipIf(!isRight)("has the same bits in both forms, at any number of rows and columns and any depth", () => {
    const [k, m] = [83, 75];
    const place = (length: number, values?: Float32Array): WasmHandle => {
      const address = heap.take(4 * length);
      machine.floats(address, length).set(values ?? []);
      return { kind: "f32", address, bytes: 4 * length, length } as WasmHandle;
    };
    const wave = (length: number) => Float32Array.from({ length }, (_, i) => 3 * Math.sin(i * i));
    const matrix = quantiseWeights(view(wave(k * m), [k, m]));
    const layout = int8Tiles[variant];
    const { bytes } = partsOf(k, m, layout);
    const packed = heap.takeZeroed(bytes);
    packInt8(memory.buffer, packed, matrix, layout);
    const weights = { kind: "int8", address: packed, bytes, length: k * m } as WasmHandle;
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 11, 13, 19, 121]) {
      const a = place(n * k, wave(n * k));
      const [unfused, fused] = [false, true].map((fuses) => {
        const out = place(n * m);
        matmulInt8({ ...machine, fusesDot: fuses })({ out, a, weights, n, k, m });
        return machine.floats(out.address, n * m).slice();
      });
      expect(unfused.some((value) => value !== 0)).toBe(true);
      expect(fused, `${n} rows`).toEqual(unfused);
    }
  });

  if (!isRight) console.log(`skipped: this engine's ${variant} build adds up wrongly when fused, and does not use it`);
});
