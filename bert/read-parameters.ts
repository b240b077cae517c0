/**
 * A checkpoint's tensors onto a backend, in three steps: ask the model what it wants, check all of it against the file's header, and
 * only then ask for memory and read. Where the backend takes a file's bytes itself, reading goes on while weights are packed.
 * 8-bit weights come first, one layer at a time: they are packed from the heap, and no memory may grow while others are read.
 */
import type { Handle, Int8Matrix, Intake } from "../engine/backend.ts";
import { type StoredType, storedType } from "../engine/safetensors.ts";
import type { TensorEntry } from "../engine/safetensors-header.ts";
import { readTensor, type TensorFile } from "../engine/safetensors-source.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { Bert } from "./bert.ts";
import { Checkpoint, parameterSource } from "./checkpoint.ts";
import { type Dtype, isInt8Weight, quantised, scaleName, stacked, storedInt8 } from "./dtype.ts";
import type { ParameterSource } from "./parameters.ts";

/** A parameter of the model, and the tensors [rows, columns] that lie one after another in it. */
interface Wanted {
  readonly kind: keyof ParameterSource | "int8";
  readonly names: readonly string[];
  readonly rows: number;
  readonly columns: number;
  readonly tensors: readonly WantedTensor[];
}

interface WantedTensor {
  readonly name: string;
  readonly entry: TensorEntry;
  /** "I8" only in wanted "int8", which may also be stored as floats. */
  readonly dtype: StoredType | "I8";
  /** Where the scales of an I8 tensor are. */
  readonly scales?: TensorEntry;
}

/** In what the encoder's weights are stored, and in what they shall compute. */
export interface EncoderWeights {
  readonly stored: Dtype;
  readonly computed: Dtype;
}

/**
 * What `build` makes of the parameters in a file; it is called twice, and must ask for the same each time.
 * Throws ERR_CHECKPOINT or ERR_FILE, and what `build` throws; no read is under way then.
 */
export async function readParameters(
  file: TensorFile,
  backend: InferenceBackend,
  build: (source: ParameterSource) => Bert,
  weights: EncoderWeights = { stored: "f32", computed: "f32" },
): Promise<Bert> {
  const wanted: Wanted[] = [];
  build(noting(new Checkpoint(file.entries, file.where), file.where, wanted, weights));
  const { intake } = backend;
  const [integers, floats] = [true, false].map((is) => wanted.filter(({ kind }) => (kind === "int8") === is));
  const packed = await readInt8(file, backend, integers);
  const read = await (intake ? readInPlace(file, intake, floats) : readOneByOne(file, backend, floats));
  const handles = wanted.map(({ kind }) => (kind === "int8" ? packed : read).shift() as Handle);
  const next = (): Handle => handles.shift() as Handle;
  return build({ linear: next, vector: next, table: next });
}

/** Notes what is asked for, and gives nothing. */
function noting(
  checkpoint: Checkpoint<TensorEntry>,
  where: string,
  wanted: Wanted[],
  { stored, computed }: EncoderWeights,
): ParameterSource {
  const isInt8 = (names: readonly string[]): boolean => computed === "int8" && names.every(isInt8Weight);
  const note = (kind: Wanted["kind"], names: readonly string[], shape: readonly number[]): Handle => {
    const tensors = names.map((name) => {
      const entry = checkpoint.tensor(name, shape);
      if (kind !== "int8" || stored !== "int8") return { name, entry, dtype: storedType(name, entry.dtype, where) };
      return { name, entry, dtype: "I8" as const, scales: checkpoint.tensor(scaleName(name), [shape[0]]) };
    });
    const [columns, rows = 1] = [...shape].reverse();
    wanted.push({ kind, names, rows, columns, tensors });
    return { kind: "f32", length: 0 };
  };
  return {
    linear: (names, m, k) => note(isInt8(names) ? "int8" : "linear", names, [m, k]),
    vector: (names, length) => note("vector", names, [length]),
    table: (name, rows, d) => note("table", [name], [rows, d]),
  };
}

async function readInt8(file: TensorFile, backend: InferenceBackend, wanted: readonly Wanted[]): Promise<Handle[]> {
  const handles: Handle[] = [];
  for (const { rows, columns, tensors } of wanted) {
    const parts: Int8Matrix[] = [];
    for (const { name, entry, scales } of tensors) {
      const weight = await readTensor(file, name, entry);
      if (scales === undefined) parts.push(quantised(weight.read(), rows, columns));
      else parts.push(storedInt8(name, weight, await readTensor(file, scaleName(name), scales)));
    }
    handles.push(backend.packInt8(stacked(parts)));
  }
  return handles;
}

/** All reads are under way at once; each parameter is finished when its own are done. */
async function readInPlace(file: TensorFile, intake: Intake, wanted: readonly Wanted[]): Promise<Handle[]> {
  const sizes = wanted.map(({ kind, names, rows, columns }) => ({
    m: names.length * rows,
    k: columns,
    packed: kind === "linear",
  }));
  intake.reserve(sizes);
  const handles = sizes.map(({ m, k, packed }) => intake.take(m, k, packed));
  const reads = wanted.map(({ rows, columns, tensors }, i) =>
    tensors.map(({ entry }, part) => {
      const room = intake.bytes(handles[i], part * rows * columns, rows * columns);
      return file.read(entry, room.subarray(room.length - (entry.end - entry.begin)));
    }),
  );
  const all = Promise.allSettled(reads.flat());
  try {
    for (const [i, { rows, columns, tensors }] of wanted.entries()) {
      await Promise.all(reads[i]);
      for (const [part, { dtype }] of tensors.entries()) {
        if (dtype === "F16" || dtype === "BF16") intake.widen(handles[i], part * rows * columns, rows * columns, dtype);
      }
      if (sizes[i].packed) intake.pack(handles[i], sizes[i].m, sizes[i].k);
    }
  } finally {
    await all;
  }
  return handles;
}

async function readOneByOne(file: TensorFile, backend: InferenceBackend, wanted: readonly Wanted[]): Promise<Handle[]> {
  const handles: Handle[] = [];
  for (const { kind, names, rows, columns, tensors } of wanted) {
    const values = new Map<string, Float32Array>();
    for (const { name, entry } of tensors) values.set(name, (await readTensor(file, name, entry)).read());
    const source = parameterSource(backend, (name) => values.get(name) as Float32Array);
    if (kind === "linear") handles.push(source.linear(names, rows, columns));
    else if (kind === "vector") handles.push(source.vector(names, columns));
    else handles.push(source.table(names[0], rows, columns));
  }
  return handles;
}
