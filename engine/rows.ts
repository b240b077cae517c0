/**
 * The one matrix that a forward works on: the rows (tokens) of all its texts, packed without padding, that shrinks.
 * `compact` is the only way rows leave. Rows knows nothing of why they leave, and does no arithmetic on them.
 */
import type { Backend, Handle } from "./backend.ts";

/** The one operation that moving rows needs (the contract is kernels/gather). */
export interface GatherRows {
  gather: { out: Handle; table: Handle; index: Handle; n: number; d: number; rows: number };
}

export interface RowBuffers {
  /** [capacity, d] each; they change places at every move. */
  readonly hidden: Handle;
  readonly spare: Handle;
  /** i32 [capacity]. */
  readonly index: Handle;
  /** i32 [texts + 1]. */
  readonly starts: Handle;
  /** [capacity] each: what Rows notes of every row, on this side. */
  readonly position: Int32Array;
  readonly text: Int32Array;
  readonly from: Int32Array;
}

export class Rows {
  /** Rows alive. */
  count: number;
  /** The state of each row, [count, d]. */
  hidden: Handle;
  /** A buffer of the same size whose content nobody needs. */
  spare: Handle;
  /** Text t owns rows starts[t] … starts[t + 1] − 1; [CLS] is its first. A text that left owns none. */
  readonly starts: Int32Array;
  /** `starts` where the backend can read it. */
  readonly startsHandle: Handle;
  /** Each row's place in its text; entries past `count` mean nothing. */
  readonly position: Int32Array;
  /** Each row's text, likewise. */
  readonly text: Int32Array;
  readonly d: number;
  private readonly index: Handle;
  private readonly backend: Backend<GatherRows>;
  private readonly from: Int32Array;

  /** `starts` as at the beginning, [texts + 1]; the hidden state is filled in by the caller. */
  constructor(backend: Backend<GatherRows>, buffers: RowBuffers, starts: Int32Array, d: number) {
    this.backend = backend;
    this.hidden = buffers.hidden;
    this.spare = buffers.spare;
    this.index = buffers.index;
    this.startsHandle = buffers.starts;
    this.starts = starts.slice();
    this.count = starts[starts.length - 1];
    this.d = d;
    this.position = buffers.position;
    this.text = buffers.text;
    this.from = buffers.from;
    for (let t = 0; t + 1 < starts.length; t++) {
      for (let i = starts[t]; i < starts[t + 1]; i++) {
        this.text[i] = t;
        this.position[i] = i - starts[t];
      }
    }
    backend.write(this.startsHandle, this.starts);
  }

  get texts(): number {
    return this.starts.length - 1;
  }

  /** Rows of text t that are alive. */
  rowsOf(t: number): number {
    return this.starts[t + 1] - this.starts[t];
  }

  /** Σ over texts of rows², the number of pairs that attention scores per head. */
  get pairs(): number {
    let sum = 0;
    for (let t = 0; t < this.texts; t++) sum += this.rowsOf(t) ** 2;
    return sum;
  }

  /** After an operation wrote the rows' next state into `spare`: the two buffers change places. */
  swap(): void {
    [this.hidden, this.spare] = [this.spare, this.hidden];
  }

  /** Keeps the rows i with keep[i] ≠ 0, in order. Returns how many left. */
  compact(keep: Uint8Array): number {
    const { starts, position, text, from } = this;
    const before = this.count;
    let to = 0;
    let start = 0;
    for (let t = 0; t < this.texts; t++) {
      const end = starts[t + 1];
      for (let i = start; i < end; i++) {
        if (keep[i] === 0) continue;
        from[to] = i;
        position[to] = position[i];
        text[to] = text[i];
        to++;
      }
      starts[t + 1] = to;
      start = end;
    }
    if (to === before) return 0;
    this.count = to;
    this.backend.write(this.startsHandle, starts);
    if (to > 0) {
      this.backend.write(this.index, from.subarray(0, to));
      this.backend.op("gather", {
        out: this.spare,
        table: this.hidden,
        index: this.index,
        n: to,
        d: this.d,
        rows: before,
      });
      this.swap();
    }
    return before - to;
  }
}
