/**
 * What a place to compute looks like to the rest of the library.
 *
 * Operations enqueue on handles and return nothing; only `read` is awaited. A CPU answers at once, a GPU after its queue.
 * The interface knows nothing of kernels: `Ops` maps an operation's name to its arguments (see kernels/index.ts).
 * Outputs never alias inputs, so that every operation can be a draw call.
 */
import type { View } from "./view.ts";

export type Kind = "f32" | "i32";

/** A matrix in 8-bit integers, one scale for each row: row j stands for scales[j] · values[j]. */
export interface Int8Matrix {
  /** Rows and columns. */
  readonly m: number;
  readonly k: number;
  /** [m, k], row-major, from −63 to 63. */
  readonly values: Int8Array;
  /** [m] */
  readonly scales: Float32Array;
}

/** A flat buffer that lives where the backend lives. `packed` and `int8` buffers are weights in the backend's own layout. */
export interface Handle {
  readonly kind: Kind | "packed" | "int8";
  /** Number of values. */
  readonly length: number;
}

/** Where operations run: `Ops` names them with their arguments, `H` is how its buffers are called. Operations enqueue; only `read` is awaited. */
export interface Backend<Ops, H extends Handle = Handle> {
  /** "reference", "scalar", "wasm", "gpu", … */
  readonly name: string;
  /** Which build of it runs, e.g. "relaxed" (SIMD with fused multiply-add). */
  readonly variant: string;
  /** A zeroed buffer of `length` values (kind: "f32" unless said). */
  allocate(length: number, kind?: Kind): H;
  /** A buffer holding the view's values in row-major order; Int32Array data makes an i32 buffer. */
  upload(values: View<Float32Array | Float64Array | Int32Array>): H;
  /** A matrix [k, m] to be the `weights` of matmul, in the layout that this backend reads fastest. Strides are free. */
  pack(matrix: View<Float32Array | Float64Array>): H;
  /** A matrix [m, k] to be the `weights` [k, m] of matmulInt8. Throws ERR_BACKEND where there is no such kernel. */
  packInt8(matrix: Int8Matrix): H;
  /** Writes the first `values.length` values of a buffer. */
  write(handle: H, values: ArrayLike<number>): void;
  /** Enqueues an operation. Its outputs may not be among its inputs. */
  op<K extends keyof Ops>(name: K, args: Ops[K]): void;
  /**
   * What `op` does, in two: who plans buffers may check an operation once, with the largest sizes it will ever have, and then only run it.
   * Sizes beyond those overwrite what is not theirs. Absent where an operation is not to be had without its check.
   */
  readonly halves?: {
    /** Throws what `op` would throw of these operands, and runs nothing. */
    check<K extends keyof Ops>(name: K, args: Ops[K]): void;
    /** Enqueues the operation. */
    run<K extends keyof Ops>(name: K, args: Ops[K]): void;
  };
  /** A copy of the first `length` values (all of them unless said). It may lie in `room`, where that is given, until somebody else uses it. */
  read(handle: H, length?: number, room?: Float32Array): Float32Array | Promise<Float32Array>;
  /** Gives a buffer back. */
  release(handle: H): void;
  /** Gives everything back, threads included. */
  dispose(): void;
  /** Where a file's bytes can be read into buffers without a copy in between. Absent where memory cannot be written from outside. */
  readonly intake?: Intake<H>;
}

/**
 * How parameters get from a file to where they live: their bytes are read straight into the buffers and turned, in place, into what
 * the backend computes with. Between `reserve` and the last read no other buffer may be asked for: growing memory detaches views.
 */
export interface Intake<H extends Handle = Handle> {
  /** Room for all buffers to come at once. */
  reserve(buffers: readonly { readonly m: number; readonly k: number; readonly packed: boolean }[]): void;
  /** A buffer of float32 whose contents are the caller's to fill; `packed` for a matrix that `pack` will be called with. */
  take(m: number, k: number, packed: boolean): H;
  /** The bytes of `count` values of a buffer, the first of them at `first`. */
  bytes(handle: H, first: number, count: number): Uint8Array;
  /** Turns `count` values from 16 bits into float32: their bits are the last half of these values' bytes. */
  widen(handle: H, first: number, count: number, from: "F16" | "BF16"): void;
  /** Turns a matrix that lies there as [m, k] in row-major order into the weights [k, m] of a matmul. */
  pack(handle: H, m: number, k: number): void;
}

/** Uses a value at once where it is here already (what a CPU has read), else when it comes: waiting for nothing would cost a turn of the queue. */
export function whenHere<T, R>(value: T | Promise<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** A handle whose values a CPU form reads in place. `data` is asked for anew in every operation: memory may have grown. */
export interface ArrayHandle<T extends ArrayLike<number> = Float32Array> extends Handle {
  readonly data: T;
}
