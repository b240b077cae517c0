// The reference is the definition, so it is held against numbers worked out by hand or by mpmath, never against another form.
import { describe, expect, test } from "vitest";
import { TaperError } from "../../engine/errors.ts";
import { transpose, view } from "../../engine/view.ts";
import { type ReferenceBackend, referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import type { InferenceBackend, TrainingOps } from "../../kernels/index.ts";
import type { ReferenceHandle } from "../../kernels/nd.ts";

const backend: ReferenceBackend = referenceBackend();
const f = (...values: number[]): ReferenceHandle => backend.upload(view(Float64Array.from(values), [values.length]));
const ints = (...values: number[]): ReferenceHandle => backend.upload(view(Int32Array.from(values), [values.length]));

/** Runs a kernel and returns the operand `out` afterwards. */
function result<K extends keyof TrainingOps>(
  name: K,
  out: ReferenceHandle,
  args: TrainingOps<ReferenceHandle>[K],
): number[] {
  backend.op(name, args);
  return [...backend.readExact(out)];
}
function close(found: readonly number[], expected: readonly number[], digits = 14): void {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(found[i] - value)).toBeLessThanOrEqual(10 ** -digits * Math.max(1, Math.abs(value)));
  }
}

describe("inference kernels by hand", () => {
  test("matmul: bias, residual, weights by stride", () => {
    const weights = backend.pack(transpose(view(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3])));
    const out = backend.allocate(4);
    const [a, bias, residual] = [f(1, 0, -1, 2, 1, 0), f(10, 20), f(0.5, 0, 0, 0.25)];
    const found = result("matmul", out, { out, a, weights, bias, residual, n: 2, k: 3, m: 2 });
    expect(found).toEqual([8.5, 18, 14, 33.25]);
  });

  test("matmul over nothing is the activation of the bias", () => {
    const [out, bias] = [backend.allocate(2), f(1, -1)];
    const weights = backend.pack(view(new Float64Array(0), [0, 2]));
    const args = { out, a: backend.allocate(0), weights, bias, activation: "tanh", n: 1, k: 0, m: 2 } as const;
    close(result("matmul", out, args), [0.7615941559557649, -0.7615941559557649]);
  });

  test("gelu, digits by mpmath", () => {
    const out = backend.allocate(8);
    const x = f(0, 1, -1, 3, -3, 5, -5, -12);
    const expected = [
      0.0, 0.8413447460685429, -0.15865525393145705, 2.99595030590511, -0.0040496940948902835, 4.999998566742141,
      -1.4332578593959695e-6, -2.1317785344932147e-32,
    ];
    const found = result("gelu", out, { out, x, length: 8 });
    close(found, expected, 15);
    for (const [i, value] of expected.entries()) if (value !== 0) expect(found[i] / value).toBeCloseTo(1, 12);
  });

  test("gelu at the ends", () => {
    const out = backend.allocate(3);
    const x = f(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
    expect(result("gelu", out, { out, x, length: 3 })).toEqual([Number.POSITIVE_INFINITY, 0, Number.NaN]);
  });

  test("softmax: −∞, and NaN in its row alone", () => {
    const out = backend.allocate(6);
    const x = f(1, 1 + Math.log(3), Number.NEGATIVE_INFINITY, 0, 0, Number.NaN);
    close(result("softmax", out, { out, x, n: 1, m: 3 }).slice(0, 3), [0.25, 0.75, 0]);
    const large = f(9e300, 9e300, -9e300, 9e300);
    expect(result("softmax", out, { out, x: large, n: 2, m: 2 }).slice(0, 4)).toEqual([0.5, 0.5, 0, 1]);
    const found = result("softmax", out, { out, x, n: 3, m: 2 });
    close(found.slice(0, 4), [0.25, 0.75, 0, 1]);
    expect(found.slice(4)).toEqual([Number.NaN, Number.NaN]);
  });

  test("layerNorm: the biased variance", () => {
    const out = backend.allocate(2);
    const found = result("layerNorm", out, { out, x: f(1, 3), gamma: f(2, 2), beta: f(0, 10), eps: 3, n: 1, d: 2 });
    close(found, [-1, 11]);
  });

  test("attention: two heads of width 1, two texts and an empty one", () => {
    // Queries are 0 but for the last row's first head, so every row averages; there e^(q·k) weighs keys 0 and ln 3 as 1 : 3.
    const qkv = f(
      ...[0, 0, /**/ 5, 7, /**/ 1, 2],
      ...[0, 0, /**/ 0, 0, /**/ 4, 8],
      ...[1, 0, /**/ Math.log(3), 0, /**/ 8, 16],
    );
    const [out, importance, starts] = [backend.allocate(6), backend.allocate(3), ints(0, 1, 1, 3)];
    const args = { out, qkv, starts, importance, n: 3, d: 2, h: 2, texts: 3, pairs: 5 };
    close(result("attention", out, args), [1, 2, 6, 12, 7, 12]);
    close([...backend.readExact(importance)], [1, (0.5 + 0.25 + 0.5 + 0.5) / 4, (0.5 + 0.75 + 0.5 + 0.5) / 4]);
  });

  test("attention: a row masked with 0 is a row that is not there, whatever it holds", () => {
    const qkv = f(...[0, 0, 2], ...[Number.NaN, Number.NaN, Number.NaN], ...[0, 0, 6]);
    const [out, importance, mask] = [backend.allocate(3), backend.allocate(3), f(1, 0, 0.5)];
    backend.op("attention", { out, qkv, starts: ints(0, 3), mask, importance, n: 3, d: 1, h: 1, texts: 1, pairs: 9 });
    close([backend.readExact(out)[0], backend.readExact(out)[2]], [10 / 3, 10 / 3]);
    close([...backend.readExact(importance)], [2 / 3, 0, 1 / 3]);
  });

  test("attention: a text whose rows are all masked gives zeros", () => {
    const [out, importance] = [f(9, 9), f(9, 9)];
    const args = { out, qkv: f(1, 1, 1, 1, 1, 1), starts: ints(0, 2), mask: f(0, 0), importance };
    expect(result("attention", out, { ...args, n: 2, d: 1, h: 1, texts: 1, pairs: 4 })).toEqual([0, 0]);
    expect([...backend.readExact(importance)]).toEqual([0, 0]);
  });

  test("embed, gather, scatter, add, blend", () => {
    const [out, two, flat] = [backend.allocate(4), backend.allocate(2), f(1, 2, 3, 4)];
    const tables = { word: flat, position: f(10, 20, 30, 40), segment: f(100, 200) };
    const places = { ids: ints(1, 0), positions: ints(0, 1), segments: ints(0, 0) };
    const sizes = { n: 2, d: 2, vocabulary: 2, maxPositions: 2, types: 1 };
    expect(result("embed", out, { out, ...tables, ...places, ...sizes })).toEqual([113, 224, 131, 242]);
    expect(result("gather", out, { out, table: flat, index: ints(1, 1), n: 2, d: 2, rows: 2 })).toEqual([3, 4, 3, 4]);
    expect(result("scatter", out, { out, x: f(7, 8), index: ints(0), n: 1, d: 2, rows: 2 })).toEqual([7, 8, 3, 4]);
    expect(result("add", two, { out: two, a: f(1, 2), b: f(3, 5), length: 2 })).toEqual([4, 7]);
    const [a, b, mask] = [f(1, Number.NaN, 3, 4), f(Number.NaN, 2, 5, 8), f(1, 0, 0.5, 0.25)];
    expect(result("blend", out, { out, mask, a, b, n: 4, d: 1 })).toEqual([1, 2, 4, 7]);
  });
});

describe("training's losses and masks by hand", () => {
  test("crossEntropy and distillation", () => {
    const logits = f(0, Math.log(3), 5, 5);
    const loss = backend.allocate(2);
    close(result("crossEntropy", loss, { loss, logits, labels: ints(1, -1), n: 2, c: 2 }), [Math.log(4 / 3), 0]);
    const targets = f(0.25, 0.75, 1, 0);
    close(result("distillation", loss, { loss, logits, targets, temperature: 1, n: 2, c: 2 }), [0, Math.LN2]);
  });

  test("keepMask: [CLS] stays, a tie leaves, the skimmed never come back", () => {
    const out = backend.allocate(5);
    const logits = f(9, 0, 0, 1, 0, 0, 0, 1, 9, 0);
    const args = { out, logits, previous: f(1, 1, 1, 0, 1), starts: ints(0, 4, 4, 5), threshold: 0, temperature: 1 };
    expect(result("keepMask", out, { ...args, n: 5, texts: 3 })).toEqual([1, 1, 0, 0, 1]);
    const noise = f(0, -2, 0.5, 0, 0);
    expect(result("keepMask", out, { ...args, noise, n: 5, texts: 3 })).toEqual([1, 0, 1, 0, 1]);
  });

  test("dropout keeps its expectation, and the same places for the same seed", () => {
    const length = 20000;
    const [x, out, again] = [f(...new Array(length).fill(1)), backend.allocate(length), backend.allocate(length)];
    const values = result("dropout", out, { out, x, seed: 3, probability: 0.25, length });
    expect(new Set(values)).toEqual(new Set([0, 4 / 3]));
    expect(values.reduce((sum, value) => sum + value, 0) / length).toBeCloseTo(1, 1);
    expect(result("dropout", again, { out: again, x, seed: 3, probability: 0.25, length })).toEqual(values);
    expect(result("dropout", again, { out: again, x, seed: 4, probability: 0.25, length })).not.toEqual(values);
  });
});

const both: [string, () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
];
describe.each(both)("%s refuses what cannot be meant", (_, make) => {
  const expectCode = (code: string, message: RegExp, run: () => void): void => {
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code }));
    expect(run).toThrow(TaperError);
  };

  test("a short buffer, a missing operand, a wrong kind, an output that is an input", () => {
    const own = make();
    const [out, x] = [own.allocate(3), own.allocate(4)];
    expectCode("ERR_INPUT", /gelu: operand "out" needs \[4\] = 4 values, its buffer holds 3/, () =>
      own.op("gelu", { out, x, length: 4 }),
    );
    expectCode("ERR_INPUT", /operand "x" is missing/, () => own.op("gelu", { out, length: 3 } as never));
    const index = own.allocate(1);
    expectCode("ERR_INPUT", /"index" must be i32, found f32/, () =>
      own.op("gather", { out, table: x, index, n: 1, d: 1, rows: 4 }),
    );
    expectCode("ERR_INPUT", /output "out" is also operand "x"/, () => own.op("gelu", { out, x: out, length: 3 }));
    expectCode("ERR_INPUT", /write: 4 values/, () => own.write(out, [1, 2, 3, 4]));
    expectCode("ERR_INPUT", /read: 4 values/, () => own.read(out, 4));
  });

  test("a released handle, another backend's handle, a disposed backend", () => {
    const own = make();
    const [out, x, gone] = [own.allocate(1), own.allocate(1), own.allocate(1)];
    own.release(gone);
    expectCode("ERR_DISPOSED", /"x" was released/, () => own.op("gelu", { out, x: gone, length: 1 }));
    expectCode("ERR_DISPOSED", /released, or belongs to another backend/, () => own.read(make().allocate(1)));
    own.dispose();
    expectCode("ERR_DISPOSED", /was disposed/, () => own.op("gelu", { out, x, length: 1 }));
    expectCode("ERR_DISPOSED", /was disposed/, () => own.allocate(1));
  });
});
