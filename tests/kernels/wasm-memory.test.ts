/**
 * Growing WebAssembly memory detaches every view of it, those that a caller is just passing included. Memory goes when the backend is
 * disposed, whoever still holds on to it.
 */
import { expect, it } from "vitest";
import { type View, view } from "../../engine/view.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";

const [rows, columns] = [300, 700];
const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));

/** Vitest's own comparison takes seconds over so many. */
const equal = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

/** `take` gets the values as they lie in the backend's own memory, until taking has made it grow. */
function whileGrowing(take: (backend: ReturnType<typeof wasmBackend>, own: View<Float32Array>) => void): void {
  const backend = wasmBackend();
  const source = backend.upload(view(values, [rows, columns]));
  let grown = 0;
  for (let round = 0; round < 12; round++) {
    const before = source.data.buffer;
    take(backend, view(source.data as Float32Array, [rows, columns]));
    if (source.data.buffer !== before) grown++;
  }
  backend.dispose();
  expect(grown).toBeGreaterThan(1);
}

it("uploads a view of its own memory", () => {
  whileGrowing((backend, own) => expect(equal(backend.read(backend.upload(own)), values)).toBe(true));
});

it.each([
  ["row-major", (own: View<Float32Array>): View<Float32Array> => own],
  [
    "transposed",
    (own: View<Float32Array>): View<Float32Array> => ({ ...own, shape: [columns, rows], stride: [1, columns] }),
  ],
])("packs a %s view of its own memory", (_, turn) => {
  const elsewhere = wasmBackend();
  const expected = elsewhere.read(elsewhere.pack(turn(view(values, [rows, columns]))));
  whileGrowing((backend, own) => expect(equal(backend.read(backend.pack(turn(own))), expected)).toBe(true));
});

it("lets go of its memory when it is disposed", () => {
  const backend = wasmBackend();
  const handle = backend.allocate(1000);
  expect(handle.data.length).toBe(1000);
  backend.dispose();
  backend.dispose();
  const disposed = expect.objectContaining({ code: "ERR_DISPOSED" });
  expect(() => handle.data).toThrow(disposed);
  expect(() => backend.read(handle)).toThrow(disposed);
  expect(() => backend.allocate(1)).toThrow(disposed);
  expect(() => backend.release(handle)).not.toThrow();
});

it("goes on reading a handle's memory after growth, and no other's after a release", () => {
  const backend = wasmBackend();
  const first = backend.upload(view(Float32Array.of(1, 2, 3), [3]));
  backend.allocate(10_000_000);
  expect([...backend.read(first)]).toEqual([1, 2, 3]);
  backend.release(first);
  expect(() => backend.read(first)).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
  backend.release(first);
  const [second, third] = [backend.allocate(3), backend.allocate(3)];
  expect(second.address).not.toBe(third.address);
  backend.dispose();
});
