/**
 * A backend whose buffers are JavaScript typed arrays: what the scalar and the reference backend share.
 * It differs between them by the type of a float, the layout of packed weights and the table of forms. It has no arithmetic.
 */
import type { ArrayHandle, Backend, Handle, Int8Matrix, Kind } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { sizeOf, type View } from "../../engine/view.ts";
import { checkOperands } from "../check.ts";
import type { Forms, TrainingKernelName } from "../index.ts";

export type Floats = Float32Array | Float64Array;
export type CellsHandle<F extends Floats> = ArrayHandle<F | Int32Array>;

export interface ArrayBackendParts<F extends Floats, Ops> {
  readonly name: string;
  readonly variant: string;
  readonly floats: (length: number) => F;
  readonly pack: (matrix: View<Floats>) => F;
  readonly packInt8: (matrix: Int8Matrix) => F;
  readonly forms: Forms<Ops>;
}

/** A backend over typed arrays. `op` checks operands against the contract: ERR_INPUT, ERR_DISPOSED. */
export function arrayBackend<F extends Floats, Ops extends Partial<Record<TrainingKernelName, object>>>(
  parts: ArrayBackendParts<F, Ops>,
): Backend<Ops, CellsHandle<F>> {
  const live = new WeakSet<Handle>();
  const isAlive = (handle: Handle): boolean => live.has(handle);
  let disposed = false;

  const keep = (kind: Handle["kind"], data: F | Int32Array): CellsHandle<F> => {
    refuseDisposed();
    const handle = { kind, length: data.length, data };
    live.add(handle);
    return handle;
  };
  const refuseDisposed = (): void => {
    if (disposed) throw new TaperError("ERR_DISPOSED", `the ${parts.name} backend was disposed; make a new one`);
  };
  const refuseDead = (handle: Handle, what: string): void => {
    refuseDisposed();
    if (isAlive(handle)) return;
    throw new TaperError("ERR_DISPOSED", `${what}: the handle was released, or belongs to another backend`);
  };
  const refuseLong = (length: number, handle: Handle, what: string): void => {
    if (length <= handle.length) return;
    const found = `its buffer holds ${handle.length}`;
    throw new TaperError("ERR_INPUT", `${what}: ${length} values asked for, ${found}; allocate a longer one`);
  };

  return {
    name: parts.name,
    variant: parts.variant,
    allocate(length: number, kind: Kind = "f32") {
      try {
        return keep(kind, kind === "i32" ? new Int32Array(length) : parts.floats(length));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        const what = `${parts.name}: a buffer of ${length} values does not fit into memory; use smaller batches`;
        throw new TaperError("ERR_BACKEND", what, { cause: error });
      }
    },
    upload(values) {
      const isInteger = values.data instanceof Int32Array;
      const data = isInteger ? new Int32Array(sizeOf(values)) : parts.floats(sizeOf(values));
      copy(values, data);
      return keep(isInteger ? "i32" : "f32", data);
    },
    pack(matrix) {
      return keep("packed", parts.pack(matrix));
    },
    packInt8(matrix) {
      return keep("int8", parts.packInt8(matrix));
    },
    write(handle, values) {
      refuseDead(handle, "write");
      refuseLong(values.length, handle, "write");
      handle.data.set(values);
    },
    op(name, args) {
      refuseDisposed();
      checkOperands(name as TrainingKernelName, args as object, isAlive);
      parts.forms[name](args);
    },
    read(handle, length = handle.length) {
      refuseDead(handle, "read");
      refuseLong(length, handle, "read");
      return Float32Array.from(handle.data.subarray(0, length));
    },
    release(handle) {
      live.delete(handle);
    },
    dispose() {
      disposed = true;
    },
  };
}

/** Writes the view's values into `out` in row-major order. */
export function copy(values: View<ArrayLike<number>>, out: Floats | Int32Array): void {
  const { data, shape, stride, offset } = values;
  let to = 0;
  const walk = (axis: number, from: number): void => {
    if (axis === shape.length) out[to++] = data[from];
    else for (let i = 0; i < shape[axis]; i++) walk(axis + 1, from + i * stride[axis]);
  };
  walk(0, offset);
}
