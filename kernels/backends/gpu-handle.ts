/**
 * A buffer on the GPU: a stable name for textures that are replaced at every write, the old ones deleted.
 *
 * A launch writes a whole texture, a buffer may be longer than what is written. So a buffer has two layers: the latest
 * values in front, and behind them what is left of longer ones (zeros at first). They are joined only when somebody reads
 * beyond the front; a batch that narrows never pays for that.
 */
import type { Handle } from "../../engine/backend.ts";
import { type GpuDevice, shaped } from "./gpu-device.ts";
import type { GpuTexture } from "./gpu-library.ts";

interface Layer {
  readonly texture: GpuTexture;
  /** How many values it has. */
  readonly count: number;
}

export class GpuHandle implements Handle {
  readonly kind: Handle["kind"];
  readonly length: number;
  readonly #device: GpuDevice;
  #front: Layer | undefined;
  /** Longer than the front. */
  #rest: Layer | undefined;
  #released = false;

  constructor(device: GpuDevice, length: number, kind: Handle["kind"]) {
    this.#device = device;
    this.length = length;
    this.kind = kind;
  }

  /** Makes the first `count` values those of `texture`, which becomes this buffer's own. */
  replace(texture: GpuTexture, count: number): void {
    const old = this.#front;
    this.#front = { texture, count };
    if (old && count < old.count) this.#rest = this.#rest ? this.#joined(old, this.#rest) : old;
    else old?.texture.delete();
    if (this.#rest && count >= this.#rest.count) {
      this.#rest.texture.delete();
      this.#rest = undefined;
    }
  }

  write(values: Float32Array): void {
    if (values.length > 0) this.replace(this.#device.upload(values), values.length);
  }

  /** The first values as a kernel reads them: [rows][columns]. */
  matrix(rows: number, columns: number): GpuTexture {
    return shaped(this.#content(rows * columns), rows, columns);
  }

  /** A copy of the first `length` values. */
  async read(length: number): Promise<Float32Array> {
    return length === 0 ? new Float32Array(0) : this.#device.read(this.#content(length), length);
  }

  isAliveOn(device: GpuDevice): boolean {
    return device === this.#device && !this.#released;
  }

  release(): void {
    this.#front?.texture.delete();
    this.#rest?.texture.delete();
    this.#front = undefined;
    this.#rest = undefined;
    this.#released = true;
  }

  /** A texture that has at least the first `count` values; never none, for a kernel needs something to bind. */
  #content(count: number): GpuTexture {
    if (!this.#front || this.#front.count < count) {
      let whole = this.#rest && this.#rest.count >= count ? this.#rest : this.#zeros();
      if (this.#rest && this.#rest !== whole) whole = this.#joined(this.#rest, whole);
      if (this.#front) whole = this.#joined(this.#front, whole);
      this.#front = whole;
      this.#rest = undefined;
    }
    return this.#front.texture;
  }

  #zeros(): Layer {
    const count = Math.max(1, this.length);
    return { texture: this.#device.upload(new Float32Array(count)), count };
  }

  /** One layer with the values of `top` before those of `bottom`, which it replaces both. */
  #joined(top: Layer, bottom: Layer): Layer {
    const texture = this.#device.overlay(top.texture, top.count, bottom.texture, bottom.count);
    top.texture.delete();
    bottom.texture.delete();
    return { texture, count: bottom.count };
  }
}
