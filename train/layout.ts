/**
 * Where every trained tensor lies in one flat vector of float32: the vector that the optimiser updates and that replicas share.
 * Found by building the model once with a source that only takes notes. It holds no numbers.
 */

import type { ParameterSource } from "../bert/parameters.ts";
import type { Handle } from "../engine/backend.ts";
import { TaperError } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, ParameterKind } from "./parameter.ts";
import type { Tape } from "./tape.ts";

/** One tensor as the model uses it; several stored tensors may be stacked in it. */
export interface Segment {
  readonly names: readonly string[];
  /** The shape under each name. */
  readonly shape: readonly number[];
  readonly kind: ParameterKind;
  /** [rows, columns] of the whole. */
  readonly rows: number;
  readonly columns: number;
  readonly offset: number;
  readonly length: number;
  /** model: learns as all do. apart: learns at a rate of its own, and does not count in the norm that clips. frozen: stays as it is. */
  readonly learns: Learns;
}

export type Learns = "model" | "apart" | "frozen";

export interface Layout {
  readonly segments: readonly Segment[];
  readonly length: number;
}

/** `build` asks for every parameter of a model once; `learnsOf` says by a stored name how that parameter learns. */
export function layoutOf(
  build: (source: ParameterSource) => unknown,
  learnsOf: (name: string) => Learns = () => "model",
): Layout {
  const segments: Segment[] = [];
  let offset = 0;
  const note = (kind: ParameterKind, names: readonly string[], shape: readonly number[]): Handle => {
    const rows = names.length * shape[0];
    const columns = shape[1] ?? 1;
    const length = rows * columns;
    segments.push({ names, shape, kind, rows, columns, offset, length, learns: learnsOf(names[0]) });
    offset += length;
    return { kind: kind === "weights" ? "packed" : "f32", length };
  };
  build({
    linear: (names, m, k) => note("weights", names, [m, k]),
    vector: (names, length) => note("vector", names, [length]),
    table: (name, rows, d) => note("table", [name], d === 1 ? [rows] : [rows, d]),
  });
  return { segments, length: offset };
}

/** A source that puts the parameters of `values` onto a tape, and the list of what it made, in the layout's order. */
export function tapeSource(
  tape: Tape,
  layout: Layout,
  values: Float32Array | Float64Array,
): { source: ParameterSource; parameters: Parameter<Handle>[] } {
  const parameters: Parameter<Handle>[] = [];
  const next = (): Handle => {
    const { kind, offset, length, rows, columns, learns } = layout.segments[parameters.length];
    const own = values.subarray(offset, offset + length);
    const parameter = tape.parameter(kind, own, rows, columns, learns === "frozen");
    parameters.push(parameter);
    return parameter.name;
  };
  return { source: { linear: next, vector: next, table: next }, parameters };
}

/** BERT's initialisation: weights from N(0, 0.02) cut at two deviations, biases 0, normalisations that do nothing. */
export function initialise({ segments }: Layout, values: Float32Array, random: Random, deviation = 0.02): void {
  for (const { kind, names, offset, length } of segments) {
    const part = values.subarray(offset, offset + length);
    if (kind === "vector" || names[0].endsWith("bias")) part.fill(names[0].endsWith("weight") ? 1 : 0);
    else {
      const own = random.fork(names[0]);
      for (let i = 0; i < length; i++) part[i] = deviation * truncatedNormal(own);
    }
  }
}

function truncatedNormal(random: Random): number {
  for (;;) {
    const value = random.normal();
    if (Math.abs(value) <= 2) return value;
  }
}

/** The tensors of a model's checkpoint, copied out of `values`. What learns apart is no tensor of the model. */
export function tensorsOf(
  { segments }: Layout,
  values: Float32Array,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const { names, shape, offset, length, learns } of segments) {
    if (learns === "apart") continue;
    const size = length / names.length;
    for (const [i, name] of names.entries()) {
      tensors.set(name, { shape, data: values.slice(offset + i * size, offset + (i + 1) * size) });
    }
  }
  return tensors;
}

/** Overwrites what `read` has; a name that it does not have keeps its numbers. Returns how many were found. */
export function loadTensors(
  { segments }: Layout,
  values: Float32Array,
  read: (name: string, shape: readonly number[]) => Float32Array | undefined,
): number {
  let found = 0;
  for (const { names, shape, offset, length } of segments) {
    const size = length / names.length;
    for (const [i, name] of names.entries()) {
      const data = read(name, shape);
      if (data === undefined) continue;
      if (data.length !== size) {
        throw new TaperError("ERR_CHECKPOINT", `tensor "${name}": expected ${size} values, found ${data.length}.`);
      }
      values.set(data, offset + i * size);
      found++;
    }
  }
  return found;
}
