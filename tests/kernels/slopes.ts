/**
 * What each gradient kernel is the slope of: its forward, with ∂L/∂output and the operand that each gradient belongs to.
 * Shared by the float64 half on the reference and the float32 half on wasm; it compares nothing itself.
 */
import type { Backend, Handle } from "../../engine/backend.ts";
import { view } from "../../engine/view.ts";
import { contractOf } from "../../kernels/check.ts";
import { type TrainingKernelName, type TrainingOps, trainingContracts } from "../../kernels/index.ts";
import { type Case, makeCase, plans, type Sizes, usualShape, waysToCall } from "./cases.ts";

export type Floats = Float32Array | Float64Array;
export type Arrays = Readonly<Record<string, Floats | Int32Array>>;
export type Scalars = Case["scalars"];
/** Runs a kernel on copies of the operands and returns its outputs. Absent outputs are made. */
export type Run = (name: TrainingKernelName, operands: Arrays, sizes: Sizes, scalars: Scalars) => Arrays;
/** What a forward gives for the gradient's own operands. */
export type Forward = (run: Run, operands: Arrays, sizes: Sizes, scalars: Scalars) => Arrays;
export interface Check {
  readonly forward: Forward;
  /** The operand with ∂L/∂output → that output. L = Σ operand · output. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The gradient's operand → the operand that it is the gradient to. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Inputs at whose zeros the gradient is, by contract, something else than the slope. */
  readonly notAtZero?: readonly string[];
  /** Adds or changes operands before the check, e.g. the input of which the gradient is only given the output. */
  readonly prepare?: (run: Run, operands: Arrays, sizes: Sizes) => Arrays;
}

export const gradientKernels = trainingContracts.map(({ name }) => name).filter((name) => name.endsWith("Gradient"));

/** `Run` on a backend, whose outputs `read` gives at once. */
export function runOn<H extends Handle>(backend: Backend<TrainingOps<H>, H>, read: (handle: H) => Floats): Run {
  return (name, operands, sizes, scalars) => {
    const roles = Object.entries(contractOf(name).operands);
    const handles: Record<string, H> = {};
    for (const [key, { role, shape }] of roles) {
      const sides = shape(sizes as never);
      const values = operands[key];
      if (role === "packed") handles[key] = backend.pack(view(values as Floats, sides));
      else if (values) handles[key] = backend.upload(view(values, [values.length]));
      else if (role === "out") handles[key] = backend.allocate(sides.reduce((total, side) => total * side, 1));
    }
    backend.op(name, { ...sizes, ...scalars, ...handles } as never);
    const results = roles.filter(([key, { role }]) => handles[key] && (role === "out" || role === "inout"));
    const found = Object.fromEntries(results.map(([key]) => [key, read(handles[key])]));
    for (const handle of Object.values(handles)) backend.release(handle);
    return found;
  };
}

/** The cases of one way to call a kernel: every shape once, shared out over the ways; the usual shape in all of them. */
export function casesOf(name: TrainingKernelName, way: number): Case[] {
  const all = plans[name].shapes;
  const usual = usualShape(all);
  const small = all.filter(({ sizes }) => Object.values(sizes).every((side) => side < 400)).slice(0, 60);
  const own = small.filter((shape, i) => shape === usual || i % waysToCall(name).length === way);
  return own.map((shape, i) => makeCase(name, shape, way, 100 * way + i));
}

/** L: the outputs weighted with ∂L/∂output, summed in float64. */
export function objective({ outputs }: Check, operands: Arrays, results: Arrays): number {
  let sum = 0;
  for (const [slope, output] of Object.entries(outputs)) {
    for (const [i, factor] of (operands[slope] ?? []).entries()) sum += factor * results[output][i];
  }
  return sum;
}

const of =
  (name: TrainingKernelName): Forward =>
  (run, operands, sizes, scalars) =>
    run(name, inputsOnly(name, operands), sizes, scalars);

function inputsOnly(name: TrainingKernelName, operands: Arrays): Arrays {
  const roles = contractOf(name).operands;
  return Object.fromEntries(Object.entries(operands).filter(([key]) => roles[key] && roles[key].role !== "out"));
}

/** out = a · Wᵀ + bias, with W [m, k] as the gradients take it. */
const linear: Forward = (run, { a, weights, bias }, sizes) => {
  const { k, m } = sizes;
  const packed = Float64Array.from({ length: k * m }, (_, o) => weights[(o % m) * k + Math.floor(o / m)]);
  return run("matmul", bias ? { a, weights: packed, bias } : { a, weights: packed }, sizes, {});
};

/** previous · σ(z/temperature) off [CLS]: what backward pretends the step was. */
const pretended: Forward = (_run, { logits, noise, previous, starts }, _sizes, { threshold, temperature }) => ({
  out: Float64Array.from(previous, (value, i) => {
    const z = logits[2 * i + 1] - logits[2 * i] + (noise?.[i] ?? 0) - Number(threshold);
    return starts.includes(i) ? value : value / (1 + Math.exp(-z / Number(temperature)));
  }),
});

const wave = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => Math.sin(1 + 2.7 * i));
/** Gives the input `x`, and as `out` what the forward makes of it. */
const fromInput =
  (name: TrainingKernelName): NonNullable<Check["prepare"]> =>
  (run, operands, sizes) => {
    const x = wave(operands.out.length);
    return { ...operands, x, out: run(name, { x }, sizes, {}).out };
  };

// Where no row of a text is there, attention is a constant by definition; elsewhere it is smooth.
const liveTexts: NonNullable<Check["prepare"]> = (_run, operands) => {
  if (!operands.mask) return operands;
  const mask = operands.mask.map((value, row) => (operands.starts.includes(row) ? 1 : value));
  return { ...operands, mask };
};

const out = { dOut: "out" };
export const checks: Partial<Record<TrainingKernelName, readonly Check[]>> = {
  matmulInputGradient: [
    {
      forward: linear,
      outputs: out,
      inputs: { dInput: "a" },
      prepare: (_run, operands) => ({ ...operands, a: wave(operands.dInput.length) }),
    },
  ],
  matmulWeightGradient: [
    {
      forward: linear,
      outputs: out,
      inputs: { dWeights: "weights", dBias: "bias" },
      prepare: (_run, operands, { k, m }) => ({ ...operands, weights: wave(k * m), bias: wave(m) }),
    },
  ],
  attentionGradient: [
    {
      forward: of("attention"),
      outputs: { dOut: "out", dImportance: "importance" },
      inputs: { dQkv: "qkv", dMask: "mask" },
      notAtZero: ["mask"],
      prepare: liveTexts,
    },
  ],
  softmaxGradient: [{ forward: of("softmax"), outputs: out, inputs: { dx: "x" }, prepare: fromInput("softmax") }],
  layerNormGradient: [
    {
      forward: of("layerNorm"),
      outputs: out,
      inputs: { dx: "x", dGamma: "gamma", dBeta: "beta" },
      prepare: (_run, operands, { d }) => ({ ...operands, beta: wave(d) }),
    },
  ],
  geluGradient: [{ forward: of("gelu"), outputs: out, inputs: { dx: "x" } }],
  tanhGradient: [{ forward: of("tanh"), outputs: out, inputs: { dx: "x" }, prepare: fromInput("tanh") }],
  gatherGradient: [
    {
      forward: of("gather"),
      outputs: out,
      inputs: { dTable: "table" },
      prepare: (_run, operands) => ({ ...operands, table: wave(operands.dTable.length) }),
    },
  ],
  blendGradient: [{ forward: of("blend"), outputs: out, inputs: { dA: "a", dB: "b", dMask: "mask" } }],
  keepMaskGradient: [
    { forward: pretended, outputs: out, inputs: { dLogits: "logits" } },
    { forward: of("keepMask"), outputs: out, inputs: { dPrevious: "previous" } },
  ],
  thresholdMaskGradient: [
    {
      forward: of("thresholdMask"),
      outputs: out,
      inputs: { dImportance: "importance", dThreshold: "threshold", dPrevious: "previous" },
      prepare: (_run, operands) => ({ ...operands, importance: operands.importance.map((value) => value + 1 / 32) }),
    },
  ],
  crossEntropyGradient: [{ forward: of("crossEntropy"), outputs: { dLoss: "loss" }, inputs: { dLogits: "logits" } }],
  distillationGradient: [{ forward: of("distillation"), outputs: { dLoss: "loss" }, inputs: { dLogits: "logits" } }],
  dropoutGradient: [
    {
      forward: of("dropout"),
      outputs: out,
      inputs: { dx: "x" },
      prepare: (_run, operands) => ({ ...operands, x: wave(operands.dx.length) }),
    },
  ],
};
