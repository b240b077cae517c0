/**
 * What the page's cases check with: products and softmaxes of random values against float64, and a few plain assertions
 * (there is no test runner in the page).
 */
import { TaperError } from "../../engine/errors.ts";
import { view } from "../../engine/view.ts";
import type { GpuHandle } from "../../kernels/backends/gpu-handle.ts";
import type { InferenceBackend } from "../../kernels/index.ts";

export type GpuBackend = InferenceBackend<GpuHandle>;

interface Options {
  bias?: boolean;
  residual?: boolean;
  activation?: "gelu" | "tanh" | undefined;
}

/** A matmul of random values against sums in float64. */
export async function checkMatmul(
  backend: GpuBackend,
  n: number,
  k: number,
  m: number,
  options: Options = {},
): Promise<void> {
  const [a, w, b, r] = [random(n * k), random(k * m), random(m), random(n * m)];
  const handles = [backend.upload(view(a, [n, k])), backend.pack(view(w, [k, m])), backend.upload(view(b, [m]))];
  handles.push(backend.upload(view(r, [n, m])), backend.allocate(n * m));
  const [left, weights, bias, residual, out] = handles;
  const { activation } = options;
  const extra = { ...(options.bias ? { bias } : {}), ...(options.residual ? { residual } : {}) };
  backend.op("matmul", { out, a: left, weights, activation, n, k, m, ...extra });
  const found = await backend.read(out);
  equal(found.length, n * m, "values read");
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = options.bias ? b[j] : 0;
      let scale = Math.abs(sum);
      for (let p = 0; p < k; p++) {
        sum += a[i * k + p] * w[p * m + j];
        scale += Math.abs(a[i * k + p] * w[p * m + j]);
      }
      const activated = activation === "gelu" ? exactGelu(sum) : activation === "tanh" ? Math.tanh(sum) : sum;
      const expected = activated + (options.residual ? r[i * m + j] : 0);
      near(found[i * m + j], expected, 1e-6 + 2 ** -24 * 2 * Math.sqrt(k) * scale, `[${n}, ${k}, ${m}] at ${i}, ${j}`);
    }
  }
  release(backend, ...handles);
}

export async function checkSoftmax(backend: GpuBackend, n: number, m: number): Promise<void> {
  const values = random(n * m).map((value) => 20 * value);
  const [x, out] = [backend.upload(view(values, [n, m])), backend.allocate(n * m)];
  backend.op("softmax", { out, x, n, m });
  const found = await backend.read(out);
  for (let i = 0; i < n; i++) {
    const row = values.subarray(i * m, (i + 1) * m);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    for (let j = 0; j < m; j++)
      near(found[i * m + j], Math.exp(row[j] - largest) / total, 1e-6, `[${n}, ${m}] at ${i}, ${j}`);
  }
  release(backend, x, out);
}

/** x·Φ(x) in float64: erf by its series below 3, the complement by a continued fraction above. */
export function exactGelu(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let tail = 0;
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let i = 1; i < 80; i++) {
      term *= (-z * z) / i;
      sum += term / (2 * i + 1);
    }
    tail = 0.5 - sum / Math.sqrt(Math.PI);
  } else if (z < 27) {
    let fraction = z;
    for (let i = 60; i > 0; i--) fraction = z + i / 2 / fraction;
    tail = Math.exp(-z * z) / fraction / Math.sqrt(Math.PI) / 2;
  }
  return Math.max(x, 0) - (tail === 0 ? 0 : Math.abs(x) * tail);
}

export function upload(backend: GpuBackend, values: readonly number[], shape: readonly number[]): GpuHandle {
  return backend.upload(view(Float32Array.from(values), shape));
}
export function release(backend: GpuBackend, ...handles: readonly GpuHandle[]): void {
  for (const handle of handles) backend.release(handle);
}
export function ramp(length: number): number[] {
  return Array.from({ length }, (_, i) => Math.sin(i));
}
export function random(length: number): Float32Array {
  return Float32Array.from({ length }, () => Math.random() - 0.5);
}

export function ok(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
export function equal(found: unknown, expected: unknown, what: string): void {
  ok(Object.is(found, expected), `${what}: found ${found}, expected ${expected}`);
}
export function same(found: ArrayLike<number>, expected: readonly number[], what: string): void {
  equal(Array.from(found).join(", "), expected.join(", "), what);
}
export function near(found: number, expected: number, tolerance: number, what: string): void {
  const agree = Object.is(found, expected) || Math.abs(found - expected) <= tolerance;
  ok(agree, `${what}: found ${found}, expected ${expected} ± ${tolerance}`);
}
/** Between lists of values; NaN if any is. */
export function largestDifference(found: readonly Float32Array[], expected: readonly Float32Array[]): number {
  equal(found.length, expected.length, "texts answered");
  let most = 0;
  for (const [t, values] of expected.entries()) {
    equal(found[t].length, values.length, `values of text ${t}`);
    for (const [i, value] of values.entries()) {
      const apart = Math.abs(found[t][i] - value);
      if (!(apart <= most)) most = apart;
    }
  }
  return most;
}

export function throwsCode(run: () => unknown, code: string): TaperError {
  try {
    run();
  } catch (error) {
    return withCode(error, code);
  }
  throw new Error(`expected an error with code ${code}`);
}
export async function rejectsCode(run: () => unknown, code: string): Promise<TaperError> {
  try {
    await run();
  } catch (error) {
    return withCode(error, code);
  }
  throw new Error(`expected an error with code ${code}`);
}
function withCode(error: unknown, code: string): TaperError {
  if (error instanceof TaperError && error.code === code) return error;
  throw new Error(`expected an error with code ${code}, found ${error}`);
}
