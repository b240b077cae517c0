/**
 * A backend that records. The model runs on it as on any other; afterwards `backward` walks the record in reverse and enqueues
 * each operation's gradients on the backend inside.
 *
 * The model reuses its scratch handles layer after layer. Here a handle is only a name: each write makes a new value, so what
 * backward needs is never overwritten and the model need not know. `begin` forgets the values of the step before.
 *
 * The fused matmul is recorded as its parts (product, activation, dropout, residual). Hidden dropout happens where a residual
 * joins and after the embeddings' normalisation: BERT's own places. There is deliberately no dropout of attention
 * probabilities: they are never stored. Rows do not leave while training, so `scatter` is refused (see bert/masked.ts).
 */
import type { Backend, Handle, Kind } from "../engine/backend.ts";
import { TaperError } from "../engine/errors.ts";
import { flatten, sizeOf, transpose, type View, view } from "../engine/view.ts";
import type { Chain } from "../kernels/backward.ts";
import type { InferenceOps, TrainingBackend, TrainingOps } from "../kernels/index.ts";
import { Arena } from "./arena.ts";
import { Parameter, type ParameterKind } from "./parameter.ts";
import { type RecordedName, rules, type TapeOps, walkedContracts } from "./rules.ts";
import { Name, type Value } from "./value.ts";

/** Where backward starts: the gradient of the loss by the values last written to a handle. */
export interface Seed {
  readonly handle: Handle;
  readonly gradient: Float32Array | Float64Array;
}

interface Entry<H extends Handle> {
  readonly run: () => void;
  readonly outputs: readonly Value<H>[];
}

/** A backend that runs each operation on another one and remembers it, so that gradients can be taken: model code needs no second form. */
export class Tape<H extends Handle = Handle> implements Backend<TapeOps> {
  readonly name: string;
  readonly variant: string;
  /** Multiply–accumulates executed so far, forward and backward, counted from the contracts. */
  macs = 0;
  private readonly inner: TrainingBackend<H>;
  private readonly arena: Arena<H>;
  private readonly parameters: Parameter<H>[] = [];
  private readonly chain: Chain<Value<H>>;
  private entries: Entry<H>[] = [];
  /** What `begin` gives back. */
  private taken: H[] = [];
  private releases: H[] = [];
  private written: Name<H>[] = [];
  private temporaries: H[] = [];
  private dropout = { probability: 0, seed: 0 };

  constructor(inner: TrainingBackend<H>) {
    this.inner = inner;
    this.name = `tape over ${inner.name}`;
    this.variant = inner.variant;
    this.arena = new Arena(inner);
    this.chain = this.makeChain();
  }

  /** Starts a step: everything written since the last one is forgotten, gradients are 0. Uploads and parameters stay. */
  begin(dropout: { probability: number; seed: number } = { probability: 0, seed: 0 }): void {
    for (const buffer of this.taken) this.arena.give(buffer);
    for (const buffer of this.releases) this.inner.release(buffer);
    for (const name of this.written) name.value = undefined;
    this.taken = [];
    this.releases = [];
    this.written = [];
    this.entries = [];
    this.dropout = { ...dropout };
    for (const parameter of this.parameters) {
      parameter.clearGradient((buffer, length) => this.arena.clear(buffer, length));
    }
  }

  /** A tensor to be trained, or a frozen one: then nothing is recorded on its account. */
  parameter(
    kind: ParameterKind,
    values: Float32Array | Float64Array,
    rows: number,
    columns: number,
    isFrozen = false,
  ): Parameter<H> {
    const parameter = new Parameter(this.inner, kind, values, rows, columns, isFrozen);
    this.parameters.push(parameter);
    return parameter;
  }

  allocate(length: number, kind: Kind = "f32"): Handle {
    return new Name<H>(kind, length);
  }

  /** A constant that outlives the step. */
  upload(values: View<Float32Array | Float64Array | Int32Array>): Handle {
    const data = this.inner.upload(values);
    const integers = values.data instanceof Int32Array ? Int32Array.from(flatten(values)) : undefined;
    const value = { data, used: sizeOf(values), wanted: false, gradient: undefined, ...(integers && { integers }) };
    return new Name<H>(integers ? "i32" : "f32", value.used, value);
  }

  /** A matrix [k, m] that is not trained; gradients flow through it to its input. */
  pack(matrix: View<Float32Array | Float64Array>): Handle {
    const data = this.inner.upload(transpose(matrix));
    const value = { data, used: sizeOf(matrix), wanted: false, gradient: undefined };
    return new Name<H>("packed", value.used, value, this.inner.pack(matrix));
  }

  packInt8(): never {
    throw new TaperError("ERR_BACKEND", "a tape trains in float32: 8-bit integers have no gradient.");
  }

  /**
   * Values [m, k] that this step computed, as the weights of a matmul, until the next `begin`. Gradients flow back into
   * them. Waits for the values, as the backend packs from here.
   */
  async packComputed(handle: Handle, m: number, k: number): Promise<Handle> {
    const value = this.current(handle);
    const packed = this.inner.pack(transpose(view(await this.inner.read(value.data, m * k), [m, k])));
    this.releases.push(packed);
    return new Name<H>("packed", m * k, value, packed);
  }

  /** The same values without their past: no gradient flows back from what is made of them. */
  detach(handle: Handle): Handle {
    const { data, used, integers } = this.current(handle);
    const value = { data, used, wanted: false, gradient: undefined, ...(integers && { integers }) };
    const name = new Name<H>(handle.kind, handle.length);
    this.assign(name, value);
    return name;
  }

  /** Afterwards the handle holds exactly these values; what lies beyond them is not defined. */
  write(handle: Handle, values: ArrayLike<number>): void {
    const name = this.nameOf(handle);
    const data = this.take(name.length, name.kind as Kind);
    this.inner.write(data, values);
    const integers = name.kind === "i32" ? Int32Array.from(values) : undefined;
    this.assign(name, {
      data,
      used: values.length,
      wanted: false,
      gradient: undefined,
      ...(integers && { integers }),
    });
  }

  read(handle: Handle, length = handle.length): Float32Array | Promise<Float32Array> {
    return this.inner.read(this.current(handle).data, length);
  }

  /** The buffer goes back when the step that may still need it is over. */
  release(handle: Handle): void {
    const name = this.nameOf(handle);
    if (!name.lasting) return;
    if (name.value !== undefined) this.releases.push(name.value.data);
    if (name.packed !== undefined) this.releases.push(name.packed);
    name.value = undefined;
    name.packed = undefined;
  }

  /** Disposes of the backend inside. */
  dispose(): void {
    this.inner.dispose();
  }

  /** Runs and records an operation. Throws ERR_BACKEND for one that has no gradient: scatter, 8-bit products. */
  op<K extends keyof TapeOps>(name: K, args: TapeOps[K]): void {
    if (name === "matmul") this.matmul(args as TapeOps["matmul"]);
    else if (name === "layerNorm") this.layerNorm(args as TapeOps["layerNorm"]);
    else if (name === "matmulInt8") this.packInt8();
    else if (name === "scatter") {
      throw new TaperError("ERR_BACKEND", "a tape cannot record scatter: rows do not leave while training.");
    } else this.record(name as RecordedName, args as never);
  }

  /** Adds the gradients of Σ seed · value to the parameters'. Once per `begin`. */
  backward(seeds: readonly Seed[]): void {
    for (const { handle, gradient } of seeds) {
      const value = this.current(handle);
      const seed = this.arena.take(handle.length);
      this.inner.write(seed, gradient);
      this.run("accumulate", { out: this.gradientOf(value), x: seed, scale: 1, length: gradient.length });
      this.arena.give(seed);
    }
    for (let i = this.entries.length - 1; i >= 0; i--) {
      const { run, outputs } = this.entries[i];
      if (!outputs.some((output) => output.gradient !== undefined)) continue;
      run();
      for (const output of outputs) {
        if (output.gradient !== undefined) this.arena.give(output.gradient);
        output.gradient = undefined;
      }
      for (const buffer of this.temporaries) this.arena.give(buffer);
      this.temporaries = [];
    }
    this.entries = [];
  }

  private matmul({ activation, residual, ...linear }: InferenceOps["matmul"]): void {
    const { out } = linear;
    const length = linear.n * linear.m;
    const between = (): Handle => new Name<H>("f32", out.length);
    let x = activation || residual ? between() : out;
    this.record("matmul", { ...linear, out: x });
    if (activation !== undefined) {
      const active = residual ? between() : out;
      this.record(activation, { out: active, x, length });
      x = active;
    }
    if (residual !== undefined) this.record("add", { out, a: this.dropped(x, length), b: residual, length });
  }

  private layerNorm(args: InferenceOps["layerNorm"]): void {
    const afterEmbeddings = this.current(args.x).writer === "embed" && this.dropout.probability > 0;
    if (!afterEmbeddings) {
      this.record("layerNorm", args);
      return;
    }
    const normed = new Name<H>("f32", args.out.length);
    this.record("layerNorm", { ...args, out: normed });
    this.assign(this.nameOf(args.out), this.current(this.dropped(normed, args.n * args.d)));
  }

  /** What dropout leaves of x; x itself if there is none. */
  private dropped(x: Handle, length: number): Handle {
    const { probability } = this.dropout;
    if (probability === 0) return x;
    const out = new Name<H>("f32", x.length);
    // Seeds must be far from each other in the hash's own input, where a place adds a multiple of a constant.
    this.dropout.seed = (Math.imul(this.dropout.seed ^ 0x5bd1e995, 0x2c1b3c6d) + 0x297a2d39) >>> 0;
    this.record("dropout", { out, x, seed: this.dropout.seed, probability, length });
    return out;
  }

  /** Runs an operation on new values for its outputs, and remembers how to go back if a parameter is behind it. */
  private record<K extends RecordedName>(name: K, args: TapeOps[K]): void {
    const handles = args as unknown as Record<string, Handle | undefined>;
    const { operands } = walkedContracts[name];
    const forward: Record<string, unknown> = { ...handles };
    const values: Record<string, unknown> = { ...handles };
    let wanted = false;
    for (const [operand, role] of operands) {
      const handle = handles[operand];
      if (handle === undefined || role === "out") continue;
      const value = this.current(handle);
      forward[operand] = role === "packed" ? this.packedOf(handle) : value.data;
      values[operand] = value;
      wanted ||= value.wanted;
    }
    const outputs: Value<H>[] = [];
    const assigned: Name<H>[] = [];
    for (const [operand, role, shape] of operands) {
      const handle = handles[operand];
      if (handle === undefined || role !== "out") continue;
      const used = shape(args).reduce((a, b) => a * b, 1);
      const value: Value<H> = { data: this.take(handle.length), used, wanted, gradient: undefined, writer: name };
      forward[operand] = value.data;
      values[operand] = value;
      outputs.push(value);
      assigned.push(this.nameOf(handle));
    }
    if (name === "gather" || name === "embed") touchTables(name, values as never);
    this.run(name, forward as never);
    for (const [i, target] of assigned.entries()) this.assign(target, outputs[i]);
    if (!wanted) return;
    const rule = rules[name] as (chain: Chain<Value<H>>, args: unknown) => void;
    this.entries.push({ run: () => rule(this.chain, values), outputs });
  }

  private run<K extends keyof TrainingOps>(name: K, args: TrainingOps<Handle>[K]): void {
    this.macs += walkedContracts[name].macs(args);
    this.inner.op(name, args as TrainingOps<H>[K]);
  }

  private assign(name: Name<H>, value: Value<H>): void {
    if (name.lasting) {
      throw new TaperError(
        "ERR_BACKEND",
        "a tape's parameters and uploads are constants; write to an allocated handle.",
      );
    }
    if (name.value === undefined) this.written.push(name);
    name.value = value;
  }

  private take(length: number, kind: Kind = "f32"): H {
    const buffer = this.arena.take(length, kind);
    this.taken.push(buffer);
    return buffer;
  }

  private nameOf(handle: Handle): Name<H> {
    if (handle instanceof Name) return handle;
    throw new TaperError("ERR_BACKEND", "a handle of another backend was given to a tape.");
  }

  private packedOf(handle: Handle): H {
    const { packed } = this.nameOf(handle);
    if (packed === undefined) throw new TaperError("ERR_BACKEND", "matmul's weights must be packed.");
    return packed;
  }

  /** What was written last; zeros if nothing was. */
  private current(handle: Handle): Value<H> {
    const name = this.nameOf(handle);
    if (name.value === undefined) {
      if (name.kind === "packed") throw new TaperError("ERR_DISPOSED", "a packed matrix was used after its release.");
      this.write(name, name.kind === "i32" ? new Int32Array(name.length) : new Float32Array(name.length));
    }
    return name.value as unknown as Value<H>;
  }

  private gradientOf(value: Value<H>): H {
    if (value.gradient === undefined && value.wanted) {
      value.gradient = this.arena.zeroed(value.data.length, value.used);
    }
    return value.gradient ?? this.temporary(value.data.length);
  }

  private temporary(length: number): H {
    const buffer = this.arena.take(length);
    this.temporaries.push(buffer);
    return buffer;
  }

  private makeChain(): Chain<Value<H>> {
    return {
      op: (name, args) => this.run(name, args),
      value: (v) => v.data,
      optional: (v) => v?.data,
      of: (v) => v.gradient as H,
      reached: (v): v is Value<H> => v?.gradient !== undefined,
      into: (v) => this.gradientOf(v),
      wanted: (v): v is Value<H> => v?.wanted === true,
      zeros: (length) => {
        const buffer = this.temporary(length);
        this.arena.clear(buffer, length);
        return buffer;
      },
    };
  }
}

/** Tells row-sparse tables which rows are read. */
function touchTables<H extends Handle>(name: "gather" | "embed", values: Record<string, Value<H>>): void {
  const n = (values as unknown as { n: number }).n;
  const pairs =
    name === "gather"
      ? [["table", "index"]]
      : [
          ["word", "ids"],
          ["position", "positions"],
          ["segment", "segments"],
        ];
  for (const [table, index] of pairs) {
    const { touch } = values[table];
    const rows = values[index].integers;
    if (touch === undefined) continue;
    if (rows === undefined) {
      throw new TaperError("ERR_BACKEND", `${name}: the rows to read from a trained table must be written from here.`);
    }
    touch(rows.subarray(0, n));
  }
}
