/** Growing WebAssembly memory detaches every view of it, those that a caller is just passing included. */
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
