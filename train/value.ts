/**
 * The two things that a tape tells apart. A `Name` is what the model holds and writes again and again; a `Value` is what one write
 * left there, which nothing ever overwrites. Plain records; the tape does everything with them.
 */
import type { Handle } from "../engine/backend.ts";

export interface Value<H extends Handle> {
  readonly data: H;
  /** How many of its numbers are in use. */
  readonly used: number;
  /** Whether a parameter is behind it, so that its gradient is of use. */
  readonly wanted: boolean;
  /** Where its gradient is summed, from the moment that one reaches it. */
  gradient: H | undefined;
  /** A parameter's gradient outlives the step. */
  readonly kept?: true;
  /** The operation that wrote it. */
  readonly writer?: string;
  /** For i32 values: a copy here. */
  readonly integers?: Int32Array;
  /** For a table: told which rows a gather reads, as its gradient will be in those rows only. */
  readonly touch?: (rows: Int32Array) => void;
}

export class Name<H extends Handle> implements Handle {
  readonly kind: Handle["kind"];
  readonly length: number;
  /** What was written last; for packed names, the stored matrix [m, k]. */
  value: Value<H> | undefined;
  /** The matrix in the backend's own layout. */
  packed: H | undefined;
  /** Whether the value outlives the step (parameters and uploads). */
  readonly lasting: boolean;

  constructor(kind: Handle["kind"], length: number, value?: Value<H>, packed?: H) {
    this.kind = kind;
    this.length = length;
    this.value = value;
    this.packed = packed;
    this.lasting = value !== undefined;
  }
}
