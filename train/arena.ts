/**
 * The memory of a training step: buffers by length and kind, taken during the step and given back at its end, so that after the
 * first step nothing is allocated. A buffer comes with whatever was in it before; `zeroed` clears what will be added to.
 */
import type { Handle, Kind } from "../engine/backend.ts";
import type { TrainingBackend } from "../kernels/index.ts";

export class Arena<H extends Handle> {
  private readonly backend: TrainingBackend<H>;
  private readonly free = new Map<string, H[]>();
  private zeros = new Float32Array(0);

  constructor(backend: TrainingBackend<H>) {
    this.backend = backend;
  }

  take(length: number, kind: Kind = "f32"): H {
    return this.free.get(`${kind} ${length}`)?.pop() ?? this.backend.allocate(length, kind);
  }

  /** A buffer of `length` whose first `used` values are 0. */
  zeroed(length: number, used: number): H {
    const buffer = this.take(length);
    this.clear(buffer, used);
    return buffer;
  }

  clear(buffer: H, used: number): void {
    if (this.zeros.length < used) this.zeros = new Float32Array(used);
    this.backend.write(buffer, this.zeros.subarray(0, used));
  }

  give(buffer: H): void {
    const key = `${buffer.kind} ${buffer.length}`;
    const list = this.free.get(key);
    if (list === undefined) this.free.set(key, [buffer]);
    else list.push(buffer);
  }
}
