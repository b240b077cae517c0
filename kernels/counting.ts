/**
 * A backend that counts: runs every operation on the backend it wraps and sums what the contracts say it costs.
 * It measures no time. Counted as executed must equal the formula of a model's trace; a test holds the two together.
 */
import type { Backend, Handle } from "../engine/backend.ts";
import { contractOf } from "./check.ts";
import type { Cost } from "./contract.ts";
import type { TrainingKernelName } from "./index.ts";
import { observed } from "./observed.ts";

export interface Tally extends Cost {
  readonly calls: number;
}

export interface CountingBackend<Ops, H extends Handle = Handle> extends Backend<Ops, H> {
  /** What ran since the last reset, all kernels together. */
  readonly totals: Tally;
  /** The same by kernel; a kernel that did not run is absent. */
  readonly byKernel: Readonly<Partial<Record<TrainingKernelName, Tally>>>;
  /** Forgets what ran. */
  reset(): void;
}

const nothing: Tally = { calls: 0, macs: 0, elements: 0, bytes: 0 };

/** Wraps a backend. An operation that throws is not counted. */
export function counting<Ops extends Partial<Record<TrainingKernelName, object>>, H extends Handle>(
  backend: Backend<Ops, H>,
): CountingBackend<Ops, H> {
  let byKernel: Partial<Record<TrainingKernelName, Tally>> = {};
  const count = (name: keyof Ops, args: Ops[keyof Ops]): void => {
    const kernel = name as TrainingKernelName;
    const cost = contractOf(kernel).cost(args as never);
    byKernel[kernel] = plus(byKernel[kernel] ?? nothing, { calls: 1, ...cost });
  };
  return {
    ...observed(backend, count),
    get totals() {
      return Object.values(byKernel).reduce(plus, nothing);
    },
    get byKernel() {
      return byKernel;
    },
    reset() {
      byKernel = {};
    },
  };
}

function plus(a: Tally, b: Tally): Tally {
  return {
    calls: a.calls + b.calls,
    macs: a.macs + b.macs,
    elements: a.elements + b.elements,
    bytes: a.bytes + b.bytes,
  };
}
