/**
 * Runs a case on a backend, and on the reference. Outputs come back with what they must obey: inputs as they were,
 * nothing written past an output's end. `TestableBackend` is the least that the generic test asks of a backend.
 */
import { expect } from "vitest";
import type { Handle, Int8Matrix } from "../../engine/backend.ts";
import { type View, view } from "../../engine/view.ts";
import { type ReferenceBackend, referenceBackend } from "../../kernels/backends/reference.ts";
import { contractOf } from "../../kernels/check.ts";
import { quantiseWeights } from "../../kernels/matmul-int8/quantise.ts";
import { type Bounds, tolerances } from "../../kernels/tolerance.ts";
import type { Case } from "./cases.ts";

/** Any backend will do, whatever subset of the kernels it has. */
export interface TestableBackend {
  upload(values: View<Float32Array | Float64Array | Int32Array>): Handle;
  pack(matrix: View<Float32Array | Float64Array>): Handle;
  packInt8(matrix: Int8Matrix): Handle;
  op(name: never, args: never): void;
  read(handle: never, length?: number): Float32Array | Promise<Float32Array>;
  release(handle: never): void;
  dispose(): void;
}
export type Outputs = Readonly<Record<string, Float32Array>>;
export type ExactOutputs = Readonly<Record<string, Float64Array>>;

/** Values past an output's end, to see whether they are left alone. */
const MARGIN = 5;

export interface RunOptions {
  /** What stands in outputs before: NaN unless the backend cannot hold one. */
  readonly garbage?: number;
}

export async function run(
  backend: TestableBackend,
  given: Case,
  { garbage = Number.NaN }: RunOptions = {},
): Promise<Outputs> {
  const { name, sizes, scalars, operands } = given;
  const roles = contractOf(name).operands;
  const handles: Record<string, Handle> = {};
  for (const [key, values] of Object.entries(operands)) {
    const { role, shape, kind } = roles[key];
    if (role === "packed") handles[key] = packed(backend, kind, strided(values as Float32Array, shape(sizes as never)));
    else if (role === "in") handles[key] = backend.upload(view(values, [values.length]));
    else handles[key] = backend.upload(view(withMargin(values, role === "out", garbage), [values.length + MARGIN]));
  }
  backend.op(name as never, { ...sizes, ...scalars, ...handles } as never);
  const outputs: Record<string, Float32Array> = {};
  for (const [key, values] of Object.entries(operands)) {
    const { role } = roles[key];
    if (role === "packed") continue;
    const found = await backend.read(handles[key] as never);
    if (role === "in") {
      if (!sameBits(found, Float32Array.from(values)))
        expect.fail(`${describeCase(given)}: input "${key}" was changed`);
      continue;
    }
    const past = found.subarray(values.length);
    if (!past.every((value) => Object.is(value, Math.fround(garbage)))) {
      expect.fail(`${describeCase(given)}: "${key}" was written past its end: ${past}`);
    }
    outputs[key] = found.slice(0, values.length);
  }
  for (const handle of Object.values(handles)) backend.release(handle as never);
  return outputs;
}

/** The case in float64, starting from the same float32 values. */
export function runReference(given: Case, reference: ReferenceBackend = referenceBackend()): ExactOutputs {
  const { name, sizes, scalars, operands } = given;
  const roles = contractOf(name).operands;
  const handles: Record<string, ReturnType<ReferenceBackend["upload"]>> = {};
  for (const [key, values] of Object.entries(operands)) {
    const { role, shape, kind } = roles[key];
    handles[key] =
      role === "packed"
        ? packed(reference, kind, view(values as Float32Array, shape(sizes as never)))
        : reference.upload(view(values, [values.length]));
  }
  reference.op(name, { ...sizes, ...scalars, ...handles } as never);
  const outputs: Record<string, Float64Array> = {};
  for (const key of Object.keys(operands)) {
    if (roles[key].role === "out" || roles[key].role === "inout") outputs[key] = reference.readExact(handles[key]);
  }
  return outputs;
}

export interface Comparison {
  /** Factor on every tolerance. */
  readonly slack?: number;
  /** Values that nobody will look at. */
  readonly skip?: (key: string, index: number) => boolean;
}

/** Fails unless every output is within its tolerance of the reference; a number must be a number, NaN must be NaN. */
export function expectClose(given: Case, found: Outputs, expected: ExactOutputs, comparison: Comparison = {}): void {
  const { slack = 1, skip = () => false } = comparison;
  const bounds = boundsOf(given);
  for (const [key, values] of Object.entries(expected)) {
    const bound = bounds[key];
    for (let i = 0; i < values.length; i++) {
      const problem = wrong(found[key][i], values[i], bound, i, slack);
      if (problem && !skip(key, i)) expect.fail(`${describeCase(given)}: ${key}[${i}] ${problem}`);
    }
  }
}

function wrong(
  found: number,
  expected: number,
  bound: (i: number) => number,
  i: number,
  slack: number,
): string | undefined {
  const facts = `expected ${expected}, found ${found}`;
  if (Number.isNaN(expected)) return Number.isNaN(found) ? undefined : facts;
  // A polynomial may turn ∞ into ∞ − ∞; what it may not do is turn it into a number.
  if (!Number.isFinite(expected)) return Number.isFinite(found) ? facts : undefined;
  if (found === expected) return undefined;
  const allowed = slack * bound(i);
  return Math.abs(found - expected) <= allowed
    ? undefined
    : `${facts}, ${Math.abs(found - expected)} apart, allowed ${allowed}`;
}

export function boundsOf({ name, sizes, scalars, operands }: Case): Bounds {
  const bound = tolerances[name] as (args: object) => Bounds;
  return bound({ ...sizes, ...scalars, ...operands });
}

export function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]) || (value === 0 && b[i] === 0));
}

export function describeCase({ name, sizes, scalars, operands, note = "" }: Case): string {
  return `${name} ${JSON.stringify({ ...sizes, ...scalars })} with ${Object.keys(operands)} ${note}`;
}

function withMargin(values: Float32Array | Int32Array, overwrite: boolean, garbage: number): Float32Array {
  const buffer = new Float32Array(values.length + MARGIN).fill(garbage);
  if (!overwrite) buffer.set(values);
  return buffer;
}

function packed<H extends Handle>(
  backend: { pack(matrix: View): H; packInt8(matrix: Int8Matrix): H },
  kind: string | undefined,
  matrix: View,
): H {
  return kind === "int8" ? backend.packInt8(quantiseWeights(matrix)) : backend.pack(matrix);
}

/** The matrix as a transposed view of transposed data, as weights come from a checkpoint. */
function strided(values: Float32Array, [k, m]: readonly number[]): View {
  const data = new Float32Array(k * m);
  for (let p = 0; p < k; p++) for (let j = 0; j < m; j++) data[j * k + p] = values[p * m + j];
  return { data, shape: [k, m], stride: [1, k], offset: 0 };
}
