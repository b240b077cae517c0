/**
 * A buffer on the GPU: a stable name whose texture is replaced at every write, and the old one deleted.
 * An operation that writes fewer values than the buffer is long leaves the rest undefined; reading it is an error.
 */
import type { Handle } from "../../engine/backend.ts";
import { TaperError } from "../../engine/errors.ts";
import { type GpuDevice, shaped } from "./gpu-device.ts";
import type { GpuTexture } from "./gpu-library.ts";

export class GpuHandle implements Handle {
  readonly kind: Handle["kind"];
  readonly length: number;
  readonly #device: GpuDevice;
  #texture: GpuTexture | undefined;
  /** How many values are defined. Without a texture they are all zero. */
  #filled: number;
  #released = false;

  constructor(device: GpuDevice, length: number, kind: Handle["kind"]) {
    this.#device = device;
    this.length = length;
    this.kind = kind;
    this.#filled = length;
  }

  /** Makes `texture`, of `count` values, this buffer's content. */
  replace(texture: GpuTexture, count: number): void {
    this.#texture?.delete();
    this.#texture = texture;
    this.#filled = count;
  }

  /** Overwrites the first values and keeps the others. */
  write(values: Float32Array): void {
    this.expect(values.length, "write", false);
    if (values.length === 0) return;
    const device = this.#device;
    const first = device.upload(values);
    if (values.length >= this.#filled) {
      this.replace(first, values.length);
    } else {
      this.replace(device.overlay(first, values.length, this.#content(), this.#filled), this.#filled);
      first.delete();
    }
  }

  /** The content as a kernel reads it: [rows][columns]. `what` names the operand in errors. */
  matrix(rows: number, columns: number, what: string): GpuTexture {
    this.expect(rows * columns, what);
    return shaped(this.#content(), rows, columns);
  }

  /** Throws ERR_BACKEND unless `count` values are there: to be read, or (`defined` false) to be written over. */
  expect(count: number, what: string, defined = true): void {
    if (this.#released) throw new TaperError("ERR_BACKEND", `${what}: this buffer was released`);
    if (count > this.length) {
      throw new TaperError("ERR_BACKEND", `${what}: ${count} values expected, but the buffer has ${this.length}`);
    }
    if (defined && count > this.#filled) {
      throw new TaperError(
        "ERR_BACKEND",
        `${what}: ${count} values expected, but the last operation on this buffer wrote ${this.#filled}`,
      );
    }
  }

  async read(length: number): Promise<Float32Array> {
    this.expect(length, "read");
    this.#device.check();
    return length === 0 ? new Float32Array(0) : this.#device.read(this.#content(), length);
  }

  release(): void {
    this.#texture?.delete();
    this.#texture = undefined;
    this.#released = true;
  }

  /** A kernel needs something to bind, so an empty buffer holds one zero. */
  #content(): GpuTexture {
    this.#texture ??= this.#device.upload(new Float32Array(Math.max(1, this.#filled)));
    return this.#texture;
  }
}
