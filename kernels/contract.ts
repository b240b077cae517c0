/**
 * What every kernel promises, written once beside its forms: operands with their shapes, sizes, and cost.
 * Tests, the operation counter and the kernel bench walk the contracts; a contract computes nothing itself.
 *
 * Sizes have one name everywhere: `n` rows, `d` hidden, `h` heads, `k` inner, `m` columns, `c` labels, `texts` texts,
 * `pairs` Σ rows² over texts.
 */

/** "in" is read, "out" is overwritten whole, "inout" is added to or partly written, "packed" comes from `Backend.pack` or `packInt8`. */
export type Role = "in" | "out" | "inout" | "packed";

export interface Operand<Sizes> {
  readonly role: Role;
  readonly shape: (sizes: Sizes) => readonly number[];
  /** "f32" unless said; of packed operands, "int8" comes from `packInt8`. */
  readonly kind?: "i32" | "int8";
  readonly optional?: true;
}

export interface Cost {
  /** Multiply–accumulates of products; 1 MAC = 2 FLOPs. Element-wise work is not in here. */
  readonly macs: number;
  /** Values that element-wise work touches (an exponential counts as one). */
  readonly elements: number;
  /** Bytes read and written if nothing is cached: 4 per value. */
  readonly bytes: number;
}

export interface Contract<Name extends string = string, Sizes = never> {
  readonly name: Name;
  readonly operands: Readonly<Record<string, Operand<Sizes>>>;
  readonly cost: (sizes: Sizes) => Cost;
}
