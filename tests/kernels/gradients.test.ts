// Every gradient kernel against central differences of its forward kernel, in float64 on the reference. The float32 forms are
// held against these gradients by the generic test.
import { describe, expect, test } from "vitest";
import { view } from "../../engine/view.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { contractOf } from "../../kernels/check.ts";
import { type TrainingKernelName, trainingContracts } from "../../kernels/index.ts";
import { type Case, makeCase, plans, type Sizes, type Values, waysToCall } from "./cases.ts";

type Arrays = Record<string, Float64Array | Int32Array>;
type Scalars = Readonly<Record<string, number | string | undefined>>;
/** What a forward gives for the gradient's own operands. */
type Forward = (operands: Arrays, sizes: Sizes, scalars: Scalars) => Arrays;
interface Check {
  readonly forward: Forward;
  /** The operand with ∂L/∂output → that output. L = Σ operand · output. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The gradient's operand → the operand that it is the gradient to. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Adds or changes operands before the check, e.g. the input of which the gradient is only given the output. */
  readonly prepare?: (operands: Arrays, sizes: Sizes) => Arrays;
}

const backend = referenceBackend();

/** Runs a kernel in float64 on copies and returns all unpacked operands as they are then. Absent outputs are made. */
function runExact(name: TrainingKernelName, operands: Arrays, sizes: Sizes, scalars: Scalars): Arrays {
  const handles: Record<string, ReturnType<typeof backend.upload>> = {};
  for (const [key, { role, shape }] of Object.entries(contractOf(name).operands)) {
    const sides = shape(sizes as never);
    const values = operands[key];
    if (role === "packed") handles[key] = backend.pack(view(values as Float64Array, sides));
    else if (values) handles[key] = backend.upload(view(values, [values.length]));
    else if (role === "out") handles[key] = backend.allocate(sides.reduce((total, side) => total * side, 1));
  }
  backend.op(name, { ...sizes, ...scalars, ...handles } as never);
  return Object.fromEntries(Object.entries(handles).map(([key, handle]) => [key, backend.readExact(handle)]));
}

const of =
  (name: TrainingKernelName): Forward =>
  (operands, sizes, scalars) =>
    runExact(name, inputsOnly(name, operands), sizes, scalars);

function inputsOnly(name: TrainingKernelName, operands: Arrays): Arrays {
  const roles = contractOf(name).operands;
  return Object.fromEntries(Object.entries(operands).filter(([key]) => roles[key] && roles[key].role !== "out"));
}

/** out = a · Wᵀ + bias, with W [m, k] as the gradients take it. */
const linear: Forward = ({ a, weights, bias }, sizes) => {
  const { k, m } = sizes;
  const packed = Float64Array.from({ length: k * m }, (_, o) => weights[(o % m) * k + Math.floor(o / m)]);
  return runExact("matmul", bias ? { a, weights: packed, bias } : { a, weights: packed }, sizes, {});
};

/** previous · σ(z/temperature) off [CLS]: what backward pretends the step was. */
const pretended: Forward = ({ logits, noise, previous, starts }, _sizes, { threshold, temperature }) => ({
  out: Float64Array.from(previous, (value, i) => {
    const z = logits[2 * i + 1] - logits[2 * i] + (noise?.[i] ?? 0) - Number(threshold);
    return starts.includes(i) ? value : value / (1 + Math.exp(-z / Number(temperature)));
  }),
});

const wave = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(1 + 2.7 * i));
/** Gives the input `x`, and as `out` what the forward makes of it. */
const fromInput =
  (name: TrainingKernelName): NonNullable<Check["prepare"]> =>
  (operands, sizes) => {
    const x = wave(operands.out.length);
    return { ...operands, x, out: runExact(name, { x }, sizes, {}).out };
  };

// Where no row of a text is there, attention is a constant by definition; elsewhere it is smooth.
const liveTexts = (operands: Arrays): Arrays => {
  if (!operands.mask) return operands;
  const mask = operands.mask.map((value, row) => (operands.starts.includes(row) ? 1 : value));
  return { ...operands, mask };
};

const out = { dOut: "out" };
const checks: Partial<Record<TrainingKernelName, readonly Check[]>> = {
  matmulInputGradient: [
    {
      forward: linear,
      outputs: out,
      inputs: { dInput: "a" },
      prepare: (operands) => ({ ...operands, a: wave(operands.dInput.length) }),
    },
  ],
  matmulWeightGradient: [
    {
      forward: linear,
      outputs: out,
      inputs: { dWeights: "weights", dBias: "bias" },
      prepare: (operands, { k, m }) => ({ ...operands, weights: wave(k * m), bias: wave(m) }),
    },
  ],
  attentionGradient: [
    {
      forward: of("attention"),
      outputs: { dOut: "out", dImportance: "importance" },
      inputs: { dQkv: "qkv", dMask: "mask" },
      prepare: liveTexts,
    },
  ],
  softmaxGradient: [{ forward: of("softmax"), outputs: out, inputs: { dx: "x" }, prepare: fromInput("softmax") }],
  layerNormGradient: [
    {
      forward: of("layerNorm"),
      outputs: out,
      inputs: { dx: "x", dGamma: "gamma", dBeta: "beta" },
      prepare: (operands, { d }) => ({ ...operands, beta: wave(d) }),
    },
  ],
  geluGradient: [{ forward: of("gelu"), outputs: out, inputs: { dx: "x" } }],
  tanhGradient: [{ forward: of("tanh"), outputs: out, inputs: { dx: "x" }, prepare: fromInput("tanh") }],
  gatherGradient: [
    {
      forward: of("gather"),
      outputs: out,
      inputs: { dTable: "table" },
      prepare: (operands) => ({ ...operands, table: wave(operands.dTable.length) }),
    },
  ],
  blendGradient: [{ forward: of("blend"), outputs: out, inputs: { dA: "a", dB: "b", dMask: "mask" } }],
  keepMaskGradient: [
    { forward: pretended, outputs: out, inputs: { dLogits: "logits" } },
    { forward: of("keepMask"), outputs: out, inputs: { dPrevious: "previous" } },
  ],
  crossEntropyGradient: [{ forward: of("crossEntropy"), outputs: { dLoss: "loss" }, inputs: { dLogits: "logits" } }],
  distillationGradient: [{ forward: of("distillation"), outputs: { dLoss: "loss" }, inputs: { dLogits: "logits" } }],
  dropoutGradient: [
    {
      forward: of("dropout"),
      outputs: out,
      inputs: { dx: "x" },
      prepare: (operands) => ({ ...operands, x: wave(operands.dx.length) }),
    },
  ],
};

test("every gradient kernel is checked", () => {
  const names = trainingContracts.map(({ name }) => name).filter((name) => name.endsWith("Gradient"));
  expect(Object.keys(checks).sort()).toEqual([...names].sort());
});

describe.each(Object.entries(checks) as [TrainingKernelName, Check[]][])("%s", (name, both) => {
  const shapes = plans[name].shapes
    .filter(({ sizes }) => Object.values(sizes).every((side) => side < 400))
    .slice(0, 60);
  test.each(waysToCall(name).map((_, way) => [way]))("is the slope of its forward, call %i", (way) => {
    const ways = waysToCall(name).length;
    // Every shape once, shared out over the ways to call; the usual shape in all of them.
    const own = shapes.filter((_, i) => i === 0 || i % ways === way);
    let compared = 0;
    for (const [i, shape] of own.entries()) {
      const given = makeCase(name, shape, way, 100 * way + i);
      for (const check of both) compared += slopes(name, check, exactly(given.operands), given.sizes, given.scalars);
    }
    expect(compared).toBeGreaterThan(0);
  });
});

function exactly(operands: Case["operands"]): Arrays {
  const widen = (values: Values): Float64Array | Int32Array =>
    values instanceof Int32Array ? values : Float64Array.from(values);
  return Object.fromEntries(Object.entries(operands).map(([key, values]) => [key, widen(values)]));
}

/** Compares up to 12 places of each gradient with central differences; says how many it compared. */
function slopes(name: TrainingKernelName, check: Check, given: Arrays, sizes: Sizes, scalars: Scalars): number {
  const operands = check.prepare?.(given, sizes) ?? given;
  const after = runExact(name, operands, sizes, scalars);
  const value = (changed: Arrays): number => {
    const results = check.forward(changed, sizes, scalars);
    let sum = 0;
    for (const [slope, output] of Object.entries(check.outputs)) {
      for (const [i, factor] of (operands[slope] ?? []).entries()) sum += factor * results[output][i];
    }
    return sum;
  };
  let compared = 0;
  for (const [gradient, input] of Object.entries(check.inputs)) {
    if (!operands[gradient] || !operands[input]) continue;
    const size = operands[input].length;
    for (let i = 0; i < size; i += Math.max(1, Math.ceil(size / 12))) {
      const moved = (by: number): number => {
        const changed = Float64Array.from(operands[input]);
        changed[i] += by;
        return value({ ...operands, [input]: changed });
      };
      const step = 1e-5;
      const [up, down] = [moved(step), moved(-step)];
      const slope = (up - down) / (2 * step);
      const found = after[gradient][i] - operands[gradient][i];
      // Rounding of L costs ε·|L|/step, the third derivative step².
      const allowed = 1e-7 * (1 + Math.abs(slope)) + 1e-10 * (Math.abs(up) + Math.abs(down));
      if (Math.abs(found - slope) > allowed) {
        expect.fail(
          `${name} ${JSON.stringify({ ...sizes, ...scalars })}: ${gradient}[${i}] is ${found}, the slope ${slope}`,
        );
      }
      compared++;
    }
  }
  return compared;
}
