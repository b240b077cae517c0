/**
 * How replicas meet: parameters, moments and everybody's gradients in shared memory, and a barrier. Each worker adds up all
 * gradients and updates the parameters in a slice of its own, always in the order of the workers, so that a step is a function of
 * its inputs. It knows neither tapes nor messages.
 */
import type { Layout } from "./layout.ts";
import { adamw, clipScale, learningRateAt, type OptimizerConfig, squaredNorm } from "./optimizer.ts";

/** Arrays over shared memory; can be sent to workers. */
export interface SharedState {
  readonly values: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Of each worker; in a table, only the touched rows mean anything. */
  readonly gradients: readonly Float32Array[];
  /** Of each worker, for each table in turn: how many rows it touched, then room for all of them. */
  readonly touched: readonly Int32Array[];
  /** Of each worker: the squared norm of its slice of the gradient. */
  readonly norms: Float64Array;
  /** Who has arrived, and how often all have. */
  readonly barrier: Int32Array;
}

export function sharedState(layout: Layout, workers: number): SharedState {
  const floats = (): Float32Array => new Float32Array(new SharedArrayBuffer(4 * layout.length));
  const rows = layout.segments.reduce((sum, { kind, rows }) => sum + (kind === "table" ? 1 + rows : 0), 0);
  const each = <T>(make: () => T): T[] => Array.from({ length: workers }, make);
  return {
    values: floats(),
    first: floats(),
    second: floats(),
    gradients: each(floats),
    touched: each(() => new Int32Array(new SharedArrayBuffer(4 * rows))),
    norms: new Float64Array(new SharedArrayBuffer(8 * workers)),
    barrier: new Int32Array(new SharedArrayBuffer(8)),
  };
}

/** Returns when all `parties` have called it. Blocks the thread. */
export function meet(barrier: Int32Array, parties: number): void {
  const round = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === parties - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
    return;
  }
  while (Atomics.load(barrier, 1) === round) Atomics.wait(barrier, 1, round);
}

export class Exchange {
  private readonly layout: Layout;
  private readonly state: SharedState;
  private readonly worker: number;
  private readonly workers: number;
  private readonly from: number;
  private readonly to: number;
  /** The whole gradient in [from, to); between steps, 0 in all tables. */
  private readonly sum: Float32Array;

  constructor(layout: Layout, state: SharedState, worker: number) {
    this.layout = layout;
    this.state = state;
    this.worker = worker;
    this.workers = state.gradients.length;
    this.from = Math.floor((layout.length * worker) / this.workers);
    this.to = Math.floor((layout.length * (worker + 1)) / this.workers);
    this.sum = new Float32Array(this.to - this.from);
  }

  /** Where this worker's gradients go. */
  get gradient(): Float32Array {
    return this.state.gradients[this.worker];
  }

  /** Says which rows of the tables this worker's gradient has, by segment. */
  announce(touchedBySegment: readonly (readonly number[] | undefined)[]): void {
    const touched = this.state.touched[this.worker];
    let at = 0;
    for (const [i, { kind, rows }] of this.layout.segments.entries()) {
      if (kind !== "table") continue;
      const list = touchedBySegment[i] ?? [];
      touched[at] = list.length;
      touched.set(list, at + 1);
      at += 1 + rows;
    }
  }

  /** Called by every worker after `announce`; when it returns, all parameters are updated. Returns the gradient's norm. */
  update(optimizer: OptimizerConfig, step: number, steps: number): number {
    const { state, workers, sum, from, to } = this;
    meet(state.barrier, workers);
    this.addUp();
    state.norms[this.worker] = squaredNorm(sum, [from, to], this.layout);
    meet(state.barrier, workers);
    const norm = Math.sqrt(state.norms.reduce((a, b) => a + b, 0));
    const rate = learningRateAt(optimizer, step, steps);
    const apartRate = learningRateAt({ ...optimizer, learningRate: optimizer.apart ?? 0 }, step, steps);
    const scale = clipScale(norm, optimizer.clip);
    adamw(state.values, state, sum, [from, to], { ...optimizer, rate, apartRate, step, scale }, this.layout);
    this.eachTouched((_, low, high) => sum.fill(0, low - from, high - from));
    meet(state.barrier, workers);
    return norm;
  }

  private addUp(): void {
    const { sum, from, to } = this;
    for (const { kind, offset, length, learns } of this.layout.segments) {
      if (kind === "table" || learns === "frozen") continue;
      const low = Math.max(from, offset);
      const high = Math.min(to, offset + length);
      for (const [v, gradient] of this.state.gradients.entries()) {
        if (v === 0) for (let i = low; i < high; i++) sum[i - from] = gradient[i];
        else for (let i = low; i < high; i++) sum[i - from] += gradient[i];
      }
    }
    this.eachTouched((gradient, low, high) => {
      for (let i = low; i < high; i++) sum[i - from] += gradient[i];
    });
  }

  /** Each worker's touched rows, as far as they lie in this slice. */
  private eachTouched(visit: (gradient: Float32Array, low: number, high: number) => void): void {
    for (const [v, touched] of this.state.touched.entries()) {
      let at = 0;
      for (const { kind, offset, rows, columns } of this.layout.segments) {
        if (kind !== "table") continue;
        for (let i = at + 1; i <= at + touched[at]; i++) {
          const start = offset + touched[i] * columns;
          const low = Math.max(this.from, start);
          const high = Math.min(this.to, start + columns);
          if (low < high) visit(this.state.gradients[v], low, high);
        }
        at += 1 + rows;
      }
    }
  }
}
