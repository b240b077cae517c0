// What the generic test cannot see of the 8-bit product: its rounding by hand, its extremes, and that all forms have the same integers.
import { describe, expect, test } from "vitest";
import type { Int8Matrix } from "../../engine/backend.ts";
import { transpose, type View, view } from "../../engine/view.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { packInt8, partsOf } from "../../kernels/matmul-int8/packing.ts";
import { nearestEven, quantiseRow, quantiseWeights } from "../../kernels/matmul-int8/quantise.ts";
import { int8Tiles } from "../../kernels/matmul-int8/tile.ts";
import { acceptedVariants } from "./wasm-variants.ts";

/** A matrix [m, k] as quantiseWeights takes it. */
const rowsOf = (m: number, values: readonly number[]): View<Float32Array> =>
  transpose(view(Float32Array.from(values), [m, values.length / m]));

describe("quantising", () => {
  test("ties go to the even integer, on both sides of 0", () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 2.49, -126.6].map(nearestEven)).toEqual([0, 2, 2, 0, -2, -2, 2, -127]);
  });

  test("weights: a scale for each output, its largest value at ±63; what is none gives NaN or 0", () => {
    const { values, scales, m, k } = quantiseWeights(
      rowsOf(5, [1.01, -2, 0.5, 63, 1, -31.5, 0, 0, 0, 1, Number.NaN, 2, 1e-38, 1e-39, -1e-38]),
    );
    expect([m, k]).toEqual([5, 3]);
    const two = Math.fround(2 / 63);
    expect([...scales]).toEqual([two, 1, 0, Number.NaN, Math.fround(Math.fround(1e-38) / 63)]);
    expect([...values.subarray(0, 9)]).toEqual([32, -63, 16, 63, 1, -32, 0, 0, 0]);
    expect([...values.subarray(12)]).toEqual([0, 0, 0]);
  });

  test("an activation row: its middle, and the same step on both sides of it", () => {
    const row = new Float64Array(4);
    expect(quantiseRow([-1, 253, 126, 127], 0, 4, row)).toEqual({ mid: 126, scale: 1, inverse: 1 });
    expect([...row]).toEqual([-127, 127, 0, 1]);
    expect(quantiseRow([7, 7], 0, 2, row)).toEqual({ mid: 7, scale: 0, inverse: 0 });
    expect(quantiseRow([], 0, 0, row)).toEqual({ mid: 0, scale: 0, inverse: 0 });
    // 127 / r would be infinite.
    expect(quantiseRow([0, 1e-40], 0, 2, row).inverse).toBe(0);
  });
});

test.each(["relaxed", "wide"] as const)("packing %s by words gives what packing by bytes does", (variant) => {
  const [m, k] = [37, 32];
  const values = Int8Array.from({ length: m * k }, (_, i) => (i % 127) - 63);
  const scales = Float32Array.from({ length: m }, (_, j) => 1 / (j + 1));
  const layout = int8Tiles[variant];
  const packed = (of: Int8Array): Uint8Array => {
    const target = new ArrayBuffer(64 + partsOf(k, m, layout).bytes);
    packInt8(target, 64, { m, k, values: of, scales }, layout);
    return new Uint8Array(target);
  };
  // One byte aside there are no words to be read.
  const aside = new Int8Array(new ArrayBuffer(m * k + 1), 1);
  aside.set(values);
  expect(packed(values)).toEqual(packed(aside));
  expect(packed(values)[64]).toBe(1);
});

const backends: [string, () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
  ...acceptedVariants.map((variant): [string, () => InferenceBackend] => [variant, () => wasmBackend({ variant })]),
];

async function product(backend: InferenceBackend, a: Float32Array, weights: Int8Matrix): Promise<number[]> {
  const { k, m } = weights;
  const n = a.length / k;
  const out = backend.allocate(n * m);
  const args = { out, a: backend.upload(view(a, [n, k])), weights: backend.packInt8(weights), n, k, m };
  backend.op("matmulInt8", args);
  const found = [...(await backend.read(out))];
  backend.dispose();
  return found;
}

describe.each(backends)("%s", (_, make) => {
  test("sums of the largest integers do not saturate", async () => {
    const k = 1000;
    // Rows that reach from −127 to 127, so that an integer stands for itself.
    const a = Float32Array.from({ length: 2 * k }, (_, i) => (i % k === k - 1 ? -1 : 1) * (i < k ? 127 : -127));
    const values = Int8Array.from({ length: 2 * k }, (_, i) => (i < k ? 63 : -63));
    const found = await product(make(), a, { m: 2, k, values, scales: Float32Array.of(1, 1) });
    const sum = 127 * 63 * (k - 2);
    expect(found).toEqual([sum, -sum, -sum, sum]);
  });

  test("every integer reaches its own product", async () => {
    // Row 0 holds −127 … 127, so its integers are its values; column j picks the value at place j.
    const k = 255;
    const a = Float32Array.from({ length: k }, (_, p) => p - 127);
    const values = Int8Array.from({ length: k * k }, (_, i) => (i % k === Math.floor(i / k) ? 63 : 0));
    const found = await product(make(), a, { m: k, k, values, scales: new Float32Array(k).fill(1 / 64) });
    expect(found).toEqual(Array.from(a, (x) => (63 / 64) * x));
  });

  test("refuses float weights, and float products refuse 8-bit ones", () => {
    const backend = make();
    const [out, a] = [backend.allocate(1), backend.allocate(1)];
    const floats = backend.pack(view(Float32Array.of(1), [1, 1]));
    const integers = backend.packInt8(quantiseWeights(view(Float32Array.of(1), [1, 1])));
    const sizes = { out, a, n: 1, k: 1, m: 1 };
    expect(() => backend.op("matmulInt8", { ...sizes, weights: floats })).toThrow("must be int8, found packed");
    expect(() => backend.op("matmul", { ...sizes, weights: integers })).toThrow("must be packed, found int8");
    backend.dispose();
  });
});

test("rows are made of the same integers in every form, where they lie between two as well", async () => {
  const [n, k] = [7, 61];
  const a = Float32Array.from({ length: n * k }, (_, i) => Math.fround(Math.sin(i * i) * 3 + (i % k) / 64));
  const identity = Int8Array.from({ length: k * k }, (_, i) => (i % k === Math.floor(i / k) ? 63 : 0));
  const weights = { m: k, k, values: identity, scales: new Float32Array(k).fill(1 / 63) };
  const expected = await product(referenceBackend(), a, weights);
  for (const [name, make] of backends) {
    const found = await product(make(), a, weights);
    // One integer more or less would be r/127, about 0.03.
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]), `${name} ${i}`).toBeLessThan(1e-5);
  }
});
