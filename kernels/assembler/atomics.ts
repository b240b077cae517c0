/**
 * Atomic instructions on 32-bit words of shared memory. They are expressions like those of values.ts, but with effects: evaluate one that
 * changes memory exactly once, into a local or by `FunctionBuilder.drop`. Only modules of shared memory may hold them.
 * Source of the codes: https://webassembly.github.io/threads/core/binary/instructions.html#atomic-memory-instructions
 */
import { unsigned } from "./encoding.ts";
import { type Expr, type Int, int } from "./values.ts";

const word = (opcode: number, offset: number, ...operands: readonly Int[]): Expr<"i32"> => ({
  type: "i32",
  // The 2 is the exponent of a word's alignment, which atomic instructions insist on.
  code: [...operands.flatMap((operand) => int(operand).code), 0xfe, opcode, 2, ...unsigned(offset)],
});

/** The 64-bit constant −1: a wait without an end. */
const forever = { type: "i32", code: [0x42, 0x7f] } as const;

export const atomic = {
  load: (address: Int, offset = 0) => word(0x10, offset, address),
  /** Adds to the word; gives what it held before. */
  add: (address: Int, value: Int, offset = 0) => word(0x1e, offset, address, value),
  /** Sets the word; gives what it held before. */
  exchange: (address: Int, value: Int, offset = 0) => word(0x41, offset, address, value),
  /** Sets the word to `value` if it holds `expected`; gives what it held before. */
  compareExchange: (address: Int, expected: Int, value: Int, offset = 0) =>
    word(0x48, offset, address, expected, value),
  /** Sleeps until somebody notifies the word, unless it does not hold `expected`. A browser's main thread must never call it. */
  wait: (address: Int, expected: Int, offset = 0) => word(0x01, offset, address, expected, forever),
  /** Wakes at most `count` sleepers of the word; gives how many. */
  notify: (address: Int, count: Int, offset = 0) => word(0x00, offset, address, count),
};
