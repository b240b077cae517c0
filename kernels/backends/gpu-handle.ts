/**
 * A buffer on the GPU: a stable name for arrays that are replaced at every write, the old ones freed.
 *
 * A launch writes a whole array, a buffer may be longer than what is written. So a buffer has two layers: the latest
 * values in front, and behind them what is left of longer ones (zeros at first). They are joined only when somebody reads
 * beyond the front; a batch that narrows never pays for that.
 *
 * Integers come from the host and from nowhere else, so their handles keep them there too, and upload them when a kernel asks:
 * a form may derive tables from them (`derived`) without reading anything back.
 */
import type { Handle } from "../../engine/backend.ts";
import { type GpuArray, type GpuDevice, type GpuMatrix, matrix, overlay } from "./gpu-device.ts";

/** A buffer of the GPU backend. Its values are read through the backend. */
export class GpuHandle implements Handle {
  readonly kind: Handle["kind"];
  readonly length: number;
  /** Of an i32 handle: its values. */
  readonly integers: Int32Array | undefined;
  readonly #device: GpuDevice;
  #front: GpuArray | undefined;
  /** Longer than the front. */
  #rest: GpuArray | undefined;
  readonly #derived = new Map<string, GpuArray>();
  #released = false;

  constructor(device: GpuDevice, length: number, kind: Handle["kind"]) {
    this.#device = device;
    this.length = length;
    this.kind = kind;
    this.integers = kind === "i32" ? new Int32Array(length) : undefined;
  }

  /** Makes the first values those of `array`, which becomes this buffer's own. */
  replace(array: GpuArray): void {
    const old = this.#front;
    this.#front = array;
    if (old && array.length < old.length) this.#rest = this.#rest ? this.#joined(old, this.#rest) : old;
    else if (old) this.#device.free(old);
    if (this.#rest && array.length >= this.#rest.length) {
      this.#device.free(this.#rest);
      this.#rest = undefined;
    }
  }

  /** Puts values at its beginning; the rest stays. */
  write(values: ArrayLike<number>): void {
    if (this.integers) {
      this.integers.set(values);
      this.#forget();
    } else if (values.length > 0) this.replace(this.#device.upload(Float32Array.from(values)));
  }

  /** The first values as a kernel reads them: [rows][columns]. */
  matrix(rows: number, columns: number): GpuMatrix {
    return matrix(this.#content(rows * columns), rows, columns);
  }

  /** What `make` gives for this handle's integers, on the device until they change. `key` names it, sizes included. */
  derived(key: string, make: (integers: Int32Array) => Float32Array): GpuArray {
    let array = this.#derived.get(key);
    if (!array) {
      array = this.#device.upload(make(this.integers ?? new Int32Array(0)));
      this.#derived.set(key, array);
    }
    return array;
  }

  /** A copy of the first `length` values. */
  async read(length: number): Promise<Float32Array> {
    if (length === 0) return new Float32Array(0);
    if (this.integers) return Float32Array.from(this.integers.subarray(0, length));
    return this.#device.read(this.#content(length), length);
  }

  /** Whether it belongs to this device and was not released. */
  isAliveOn(device: GpuDevice): boolean {
    return device === this.#device && !this.#released;
  }

  /** Frees its arrays; using it afterwards is an error. */
  release(): void {
    this.#forget();
    this.#released = true;
  }

  #forget(): void {
    for (const array of [this.#front, this.#rest, ...this.#derived.values()]) if (array) this.#device.free(array);
    this.#front = undefined;
    this.#rest = undefined;
    this.#derived.clear();
  }

  /** An array that has at least the first `count` values; never none, for a kernel needs something to bind. */
  #content(count: number): GpuArray {
    if (this.integers) return this.derived("values", (integers) => Float32Array.from(integers));
    if (!this.#front || this.#front.length < count) {
      let whole = this.#rest && this.#rest.length >= count ? this.#rest : this.#zeros();
      if (this.#rest && this.#rest !== whole) whole = this.#joined(this.#rest, whole);
      if (this.#front) whole = this.#joined(this.#front, whole);
      this.#front = whole;
      this.#rest = undefined;
    }
    return this.#front;
  }

  #zeros(): GpuArray {
    return this.#device.upload(new Float32Array(Math.max(1, this.length)));
  }

  /** One array with the values of `top` before those of `bottom`, which it replaces both. */
  #joined(top: GpuArray, bottom: GpuArray): GpuArray {
    const [first, rest] = [matrix(top, 1, top.length), matrix(bottom, 1, bottom.length)];
    const array = this.#device.launch(overlay, [bottom.length], [first, rest, top.length]);
    this.#device.free(top);
    this.#device.free(bottom);
    return array;
  }
}
