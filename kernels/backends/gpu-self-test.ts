/**
 * Whether a GPU computes what it should, on numbers small enough to check by eye: a driver may round to 16 bits, lose
 * NaN, or answer zeros. Run once, before a backend is handed out; it takes the place of no test.
 */
import { TaperError } from "../../engine/errors.ts";
import { view } from "../../engine/view.ts";
import type { InferenceBackend } from "../index.ts";
import type { GpuHandle } from "./gpu-handle.ts";

/** Far above the rounding of 32 bits, far below that of 16. */
const TOLERANCE = 2e-6;

/** Throws ERR_BACKEND, naming the kernel, what was expected and what was found. */
export async function selfTest(backend: InferenceBackend<GpuHandle>): Promise<void> {
  const a = upload(backend, [0.5, 1.0009765625, -1, 2, 50, 1], [3, 2]);
  const weights = backend.pack(view(Float32Array.of(1, 0, 2, 0, 1, -1), [2, 3]));
  const bias = upload(backend, [0, 0, 1], [3]);
  const out = backend.allocate(9);

  backend.op("matmul", { out, a, weights, bias, n: 3, k: 2, m: 3 });
  const product = [0.5, 1.0009765625, 0.9990234375, -1, 2, -3, 50, 1, 100];
  compare("matmul", await backend.read(out), product);

  // A smaller shape than the first, as a narrowing batch has: with m = 1 the weights are read as [[1], [0]].
  backend.op("matmul", { out, a, weights, bias, n: 2, k: 2, m: 1 });
  compare("matmul, smaller", await backend.read(out, 2), [0.5, -1]);

  const four = upload(backend, [1, 0, -1, 0.5, 0, 0, 0, 20], [2, 4]);
  const square = backend.pack(view(Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 2, 2, 2, 1), [4, 4]));
  backend.op("matmul", { out, a: four, weights: square, activation: "gelu", residual: four, n: 2, k: 4, m: 4 });
  const gelus = [1.9544997 + 1, 0.8413447, -1, 0.3457312 + 0.5, 40, 40, 40, 40];
  compare("matmul with GELU and a residual", await backend.read(out, 8), gelus);

  const x = upload(backend, [1, 1, Number.NEGATIVE_INFINITY, 0, Number.NaN, 0, 100, 99, 0], [3, 3]);
  backend.op("softmax", { out, x, n: 3, m: 3 });
  const row = [0.7310586, 0.2689414, 0];
  compare("softmax", await backend.read(out), [0.5, 0.5, 0, Number.NaN, Number.NaN, Number.NaN, ...row]);

  for (const handle of [a, weights, bias, out, four, square, x]) backend.release(handle);
}

function upload(backend: InferenceBackend<GpuHandle>, values: number[], shape: number[]): GpuHandle {
  return backend.upload(view(Float32Array.from(values), shape));
}

function compare(what: string, found: Float32Array, expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) {
    const same = Number.isNaN(value)
      ? Number.isNaN(found[i])
      : Math.abs(found[i] - value) <= TOLERANCE * Math.max(1, Math.abs(value));
    if (same) continue;
    throw new TaperError(
      "ERR_BACKEND",
      `the self-test of ${what} failed: value ${i} is ${found[i]}, expected ${value}`,
    );
  }
}
