/**
 * A checkpoint's tensors onto a backend, in three steps: ask the model what it wants, check all of it against the file's header, and
 * only then ask for memory and read. Where the backend takes a file's bytes itself, reading goes on while weights are packed.
 */
import type { Handle, Intake } from "../engine/backend.ts";
import { type StoredType, storedType } from "../engine/safetensors.ts";
import type { TensorEntry } from "../engine/safetensors-header.ts";
import { readTensor, type TensorFile } from "../engine/safetensors-source.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { Bert } from "./bert.ts";
import { Checkpoint, parameterSource } from "./checkpoint.ts";
import type { ParameterSource } from "./parameters.ts";

/** A parameter of the model, and the tensors [rows, columns] that lie one after another in it. */
interface Wanted {
  readonly kind: keyof ParameterSource;
  readonly names: readonly string[];
  readonly rows: number;
  readonly columns: number;
  readonly tensors: readonly { readonly name: string; readonly entry: TensorEntry; readonly dtype: StoredType }[];
}

/**
 * What `build` makes of the parameters in a file; it is called twice, and must ask for the same each time.
 * Throws ERR_CHECKPOINT or ERR_FILE, and what `build` throws; no read is under way then.
 */
export async function readParameters(
  file: TensorFile,
  backend: InferenceBackend,
  build: (source: ParameterSource) => Bert,
): Promise<Bert> {
  const wanted: Wanted[] = [];
  build(noting(new Checkpoint(file.entries, file.where), file.where, wanted));
  const { intake } = backend;
  const handles = await (intake ? readInPlace(file, intake, wanted) : readOneByOne(file, backend, wanted));
  const next = (): Handle => handles.shift() as Handle;
  return build({ linear: next, vector: next, table: next });
}

/** Notes what is asked for, and gives nothing. */
function noting(checkpoint: Checkpoint<TensorEntry>, where: string, wanted: Wanted[]): ParameterSource {
  const note = (kind: Wanted["kind"], names: readonly string[], shape: readonly number[]): Handle => {
    const tensors = names.map((name) => {
      const entry = checkpoint.tensor(name, shape);
      return { name, entry, dtype: storedType(name, entry.dtype, where) };
    });
    const [columns, rows = 1] = [...shape].reverse();
    wanted.push({ kind, names, rows, columns, tensors });
    return { kind: "f32", length: 0 };
  };
  return {
    linear: (names, m, k) => note("linear", names, [m, k]),
    vector: (names, length) => note("vector", names, [length]),
    table: (name, rows, d) => note("table", [name], [rows, d]),
  };
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
        if (dtype !== "F32") intake.widen(handles[i], part * rows * columns, rows * columns, dtype);
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
