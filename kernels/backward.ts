/**
 * What a backward rule is: given an operation that ran forward, which gradient operations to enqueue. Each kernel's rule stands
 * beside its contract; this file has the interface that they are written against and decides nothing.
 *
 * A rule is asked only when a gradient reached the operation's output. It adds (never overwrites) to its inputs' gradients.
 */
import type { Handle } from "../engine/backend.ts";
import type { TrainingOps } from "./index.ts";

/** The chain rule's bookkeeping, seen by one rule. `V` is a value of the forward, as its writer left it. */
export interface Chain<V> {
  op<K extends keyof TrainingOps>(name: K, args: TrainingOps[K]): void;
  /** The numbers of a value. */
  value(v: V): Handle;
  /** The same for an optional operand. */
  optional(v: V | undefined): Handle | undefined;
  /** The gradient that reached an output. */
  of(v: V): Handle;
  /** Whether a gradient reached an output. */
  reached(v: V | undefined): v is V;
  /** Where an input's gradient is summed (a buffer that nobody reads, if no parameter is behind that input). */
  into(v: V): Handle;
  /** Whether a parameter is behind an input, so that its gradient is of use. */
  wanted(v: V | undefined): v is V;
  /** A zeroed buffer for the time of this rule. */
  zeros(length: number): Handle;
}

/** A rule sees the operation's arguments with values in place of handles; a packed matrix is its stored [m, k] values. */
export type Backward<K extends keyof TrainingOps> = <V>(chain: Chain<V>, args: TrainingOps<V>[K]) => void;
