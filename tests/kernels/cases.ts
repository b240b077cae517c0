/**
 * What the generic kernel test feeds to a kernel: adversarial shapes, option combinations and operand values, all drawn
 * from a seed. A case is plain arrays; it knows no backend.
 */
import fc from "fast-check";
import { contractOf } from "../../kernels/check.ts";
import type { TrainingKernelName } from "../../kernels/index.ts";

export type Values = Float32Array | Int32Array;
export type Sizes = Readonly<Record<string, number>>;
export interface Case {
  readonly name: TrainingKernelName;
  readonly sizes: Sizes;
  /** eps, activation, seed, … */
  readonly scalars: Readonly<Record<string, number | string | undefined>>;
  /** A value per operand that is present; packed weights as plain [k, m]. */
  readonly operands: Readonly<Record<string, Values>>;
  /** What is special about it, for messages. */
  readonly note?: string;
}
export interface Shape {
  readonly sizes: Sizes;
  /** Given where the shape decides them: the row ranges of the texts. */
  readonly starts?: readonly number[];
}

/** 0, 1, odd numbers, and one above each tile that a form may have (4, 6, 8, 16, 32, 64, 128). */
const EDGES = [0, 1, 3, 7, 17, 33, 65, 130];

/** Each size through all edges while the others stay put, and every combination of 0, 1 and 3. */
function shapesOf(usual: Sizes, derive: (sizes: Sizes) => Shape = (sizes) => ({ sizes })): Shape[] {
  const names = Object.keys(usual);
  const found: Sizes[] = [usual];
  for (const name of names) for (const edge of EDGES) found.push({ ...usual, [name]: edge });
  let corners: Sizes[] = [{}];
  for (const name of names)
    corners = corners.flatMap((corner) => [0, 1, 3].map((side) => ({ ...corner, [name]: side })));
  return [...found, ...corners].map(derive);
}

function ragged(lengths: readonly number[], more: Sizes): Shape {
  const starts = [0];
  for (const length of lengths) starts.push(starts[starts.length - 1] + length);
  const n = starts[lengths.length];
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  return { sizes: { ...more, n, texts: lengths.length, pairs }, starts };
}

const RAGGED = [[], [0], [1], [3, 0, 1], [7, 17], [33], [0, 0, 5, 8, 0], [1, 1, 1, 1, 1], [65, 2], [130]];
const HEADS = [
  [4, 1],
  [8, 2],
  [9, 3],
  [10, 2],
  [34, 2],
  [64, 1],
  [130, 2],
  [3, 3],
].map(([d, h]) => ({ d, h }));
const raggedShapes = [
  ...RAGGED.map((lengths) => ragged(lengths, { d: 8, h: 2 })),
  ...HEADS.map((heads) => ragged([5, 0, 9], heads)),
];
const randomRagged = fc
  .tuple(fc.array(fc.nat(12), { maxLength: 5 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 4 }))
  .map(([lengths, width, h]) => ragged(lengths, { d: width * h, h }));

const small = (names: readonly string[], max = 24): fc.Arbitrary<Sizes> =>
  fc.record(Object.fromEntries(names.map((name) => [name, fc.nat(max)])));

// An index must have a row to point at, and scatter's are distinct.
const withRows = (sizes: Sizes): Shape => ({ sizes: { ...sizes, rows: sizes.n + (sizes.rows ?? 3) } });
const withLabels = (sizes: Sizes): Shape => ({ sizes: { ...sizes, c: sizes.c + 1 } });
const withTables = (sizes: Sizes): Shape => ({ sizes: { ...sizes, vocabulary: 50, maxPositions: 12, types: 2 } });

interface Plan {
  readonly shapes: readonly Shape[];
  readonly random: fc.Arbitrary<Shape>;
}
function plan(usual: Sizes, derive: (sizes: Sizes) => Shape = (sizes) => ({ sizes })): Plan {
  return { shapes: shapesOf(usual, derive), random: small(Object.keys(usual)).map(derive) };
}

const product = plan({ n: 5, k: 9, m: 10 });
/** Products whose k comes in several blocks: few rows, rows that are parted, and C wider than A or not. */
const deep = [
  { n: 5, k: 1000, m: 40 },
  { n: 250, k: 1000, m: 20 },
  { n: 65, k: 513, m: 530 },
  { n: 255, k: 516, m: 517 },
].map((sizes) => ({ sizes }));
const attention: Plan = { shapes: raggedShapes, random: randomRagged };
const rows = plan({ n: 5, d: 10 });
const flat = plan({ length: 37 });
const labelled = plan({ n: 5, c: 3 }, withLabels);
const indexed = plan({ n: 6, d: 10, rows: 4 }, withRows);

export const plans: Readonly<Record<TrainingKernelName, Plan>> = {
  matmul: { ...product, shapes: [...product.shapes, ...deep] },
  matmulInt8: product,
  matmulInputGradient: product,
  matmulWeightGradient: product,
  attention,
  attentionGradient: attention,
  softmax: plan({ n: 5, m: 10 }),
  softmaxGradient: plan({ n: 5, m: 10 }),
  layerNorm: rows,
  layerNormGradient: rows,
  gelu: flat,
  geluGradient: flat,
  tanh: flat,
  tanhGradient: flat,
  embed: plan({ n: 6, d: 10 }, withTables),
  gather: indexed,
  gatherGradient: indexed,
  scatter: indexed,
  add: flat,
  accumulate: flat,
  blend: rows,
  blendGradient: rows,
  keepMask: attention,
  keepMaskGradient: attention,
  thresholdMask: attention,
  thresholdMaskGradient: attention,
  crossEntropy: labelled,
  crossEntropyGradient: labelled,
  distillation: labelled,
  distillationGradient: labelled,
  dropout: flat,
  dropoutGradient: flat,
};

const activations = [{}, { activation: "gelu" }, { activation: "tanh" }];
const epsilons = [{ eps: 1e-12 }, { eps: 1e-5 }];
const dropouts = [
  { seed: 7, probability: 0.1 },
  { seed: 4294967295, probability: 0 },
  { seed: 0, probability: 0.75 },
];
const masks = [
  { threshold: 0, temperature: 1 },
  { threshold: -0.5, temperature: 0.25 },
];
const gates = [{ temperature: 0.5 }, { temperature: 0 }, { temperature: 0.0625 }];
const scalarsOf: Partial<Record<TrainingKernelName, readonly Case["scalars"][]>> = {
  matmul: activations,
  matmulInt8: activations,
  layerNorm: epsilons,
  layerNormGradient: epsilons,
  accumulate: [{ scale: 1 }, { scale: -0.375 }],
  dropout: dropouts,
  dropoutGradient: dropouts,
  keepMask: masks,
  keepMaskGradient: masks,
  thresholdMask: gates,
  thresholdMaskGradient: gates,
  distillation: [{ temperature: 1 }, { temperature: 2 }],
  distillationGradient: [{ temperature: 1 }, { temperature: 2 }],
};

/** A shape with several rows, and for ragged kernels several texts. */
export function usualShape(shapes: readonly Shape[]): Shape {
  return shapes.find(({ sizes, starts }) => (starts ? sizes.texts > 1 && sizes.n > 12 : true)) ?? shapes[0];
}

/** Every way to call a kernel: its scalar options crossed with the presence of each optional operand. */
export function waysToCall(name: TrainingKernelName): { scalars: Case["scalars"]; absent: readonly string[] }[] {
  const optional = Object.entries(contractOf(name).operands).flatMap(([key, operand]) =>
    operand.optional ? [key] : [],
  );
  const absences = optional.reduce<string[][]>((sets, key) => sets.flatMap((set) => [set, [...set, key]]), [[]]);
  return absences.flatMap((absent) => (scalarsOf[name] ?? [{}]).map((scalars) => ({ scalars, absent })));
}

/** A case of that shape with values drawn from `seed`. */
export function makeCase(name: TrainingKernelName, shape: Shape, way: number, seed: number): Case {
  const ways = waysToCall(name);
  const { scalars, absent } = ways[way % ways.length];
  const random = generator(seed);
  const operands: Record<string, Values> = {};
  for (const [key, operand] of Object.entries(contractOf(name).operands)) {
    if (absent.includes(key)) continue;
    const sides = operand.shape(shape.sizes as never);
    operands[key] = valuesOf(name, key, sides, shape, random);
  }
  return { name, sizes: shape.sizes, scalars, operands };
}

function valuesOf(
  name: TrainingKernelName,
  key: string,
  sides: readonly number[],
  shape: Shape,
  random: () => number,
): Values {
  const size = sides.reduce((total, side) => total * side, 1);
  const below = (bound: number): Int32Array => Int32Array.from({ length: size }, () => Math.floor(random() * bound));
  const { rows = 0, vocabulary = 0, maxPositions = 0, types = 0, c = 0 } = shape.sizes;
  switch (key) {
    case "starts":
      return Int32Array.from(shape.starts ?? []);
    case "index":
      return name === "scatter" ? shuffled(rows, random).subarray(0, size) : below(rows);
    case "ids":
      return below(vocabulary);
    case "positions":
      return below(maxPositions);
    case "segments":
      return below(types);
    case "labels":
      return below(c + 1).map((label) => label - 1);
    case "targets":
      return distributions(size, c, random);
    case "mask":
      return Float32Array.from({ length: size }, () => [0, 1, 1, random()][Math.floor(random() * 4)]);
    case "previous":
      return Float32Array.from({ length: size }, () => (random() < 0.3 ? 0 : 1));
    // A decision is discrete: on sixteenths every form computes the same z, and z = 0 occurs.
    case "importance":
    case "threshold":
    case "noise":
      return sixteenths(size, random);
    case "logits":
      if (name.startsWith("keepMask")) return sixteenths(size, random);
  }
  return Float32Array.from({ length: size }, () => gaussian(random));
}

function sixteenths(size: number, random: () => number): Float32Array {
  return Float32Array.from({ length: size }, () => Math.round(16 * gaussian(random)) / 16);
}

function distributions(size: number, c: number, random: () => number): Float32Array {
  const weights = Float32Array.from({ length: size }, () => (random() < 0.2 ? 0 : random()));
  for (let start = 0; start < size; start += c) {
    weights[start] += 0.1;
    const sum = weights.subarray(start, start + c).reduce((total, weight) => total + weight, 0);
    for (let j = start; j < start + c; j++) weights[j] /= sum;
  }
  return weights;
}

function shuffled(count: number, random: () => number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Uniform numbers in [0, 1), the same for the same seed (a Weyl sequence through an integer hash). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 4294967296;
  };
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
