// Counting changes nothing and sums the contracts' costs by kernel.
import { expect, test } from "vitest";
import { view } from "../../engine/view.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { counting } from "../../kernels/counting.ts";

test("sums costs by kernel, and computes what the wrapped backend computes", () => {
  const backend = counting(scalarBackend());
  const weights = backend.pack(view(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]));
  const a = backend.upload(view(Float32Array.of(1, 0, 2), [3]));
  const out = backend.allocate(2);
  const sum = backend.allocate(2);
  for (let i = 0; i < 2; i++) backend.op("matmul", { out, a, weights, n: 1, k: 3, m: 2 });
  backend.op("add", { out: sum, a: out, b: out, length: 2 });
  expect(backend.read(sum)).toEqual(Float32Array.of(22, 28));
  expect(backend.byKernel.matmul).toEqual({ calls: 2, macs: 12, elements: 4, bytes: 88 });
  expect(backend.byKernel.add).toEqual({ calls: 1, macs: 0, elements: 2, bytes: 24 });
  expect(backend.byKernel.softmax).toBeUndefined();
  expect(backend.totals).toEqual({ calls: 3, macs: 12, elements: 6, bytes: 112 });
  backend.reset();
  expect(backend.totals).toEqual({ calls: 0, macs: 0, elements: 0, bytes: 0 });
});

test("an operation that throws is not counted", () => {
  const backend = counting(scalarBackend());
  const x = backend.allocate(2);
  expect(() => backend.op("gelu", { out: x, x, length: 2 })).toThrow(/is also operand/);
  expect(backend.totals.calls).toBe(0);
});
