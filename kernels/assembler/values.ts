/**
 * Typed expressions: each is the byte code that leaves one value on the stack.
 * Expressions are plain values; a bigger one is made of smaller ones, so unrolling is an ordinary TypeScript loop.
 * Nothing here writes to a function; statements (set, store, loops) are in function.ts.
 * Source of the codes: https://webassembly.github.io/spec/core/appendix/index-instructions.html
 */

import { type Code, float32, signed, unsigned, type ValueType } from "./encoding.ts";

export interface Expr<T extends ValueType> {
  readonly type: T;
  readonly code: Code;
}

/** Numbers stand for constants wherever an i32 or f32 expression is expected. */
export type Int = Expr<"i32"> | number;
export type Float = Expr<"f32"> | number;
export type Vec = Expr<"v128">;

export const int = (value: Int): Expr<"i32"> =>
  typeof value === "number" ? { type: "i32", code: [0x41, signed(value)] } : value;
export const float = (value: Float): Expr<"f32"> =>
  typeof value === "number" ? { type: "f32", code: [0x43, float32(value)] } : value;

const ints = (opcode: number) => (a: Int, b: Int) => make("i32", int(a), int(b), [opcode]);
const floats = (opcode: number) => (a: Float, b: Float) => make("f32", float(a), float(b), [opcode]);
const vectors = (opcode: number) => {
  const op = simd(opcode);
  return (a: Vec, b: Vec) => make("v128", a, b, op);
};
const vector = (opcode: number) => {
  const op = simd(opcode);
  return (a: Vec) => make("v128", a, undefined, op);
};

function make<T extends ValueType>(type: T, a: Expr<ValueType>, b: Expr<ValueType> | undefined, op: Code): Expr<T> {
  return { type, code: b ? [a.code, b.code, op] : [a.code, op] };
}

function simd(opcode: number): number[] {
  return [0xfd, ...unsigned(opcode)];
}

/** An instruction that reads memory at `address + offset`; `align` is the exponent of the natural alignment. */
function load<T extends ValueType>(type: T, op: Code, align: number, address: Int, offset: number): Expr<T> {
  return make(type, int(address), undefined, [op, align, unsigned(offset)]);
}

export const i32 = {
  add: ints(0x6a),
  sub: ints(0x6b),
  mul: ints(0x6c),
  divU: ints(0x6e),
  remU: ints(0x70),
  and: ints(0x71),
  or: ints(0x72),
  shl: ints(0x74),
  shrU: ints(0x76),
  eq: ints(0x46),
  ne: ints(0x47),
  ltS: ints(0x48),
  gtS: ints(0x4a),
  ltU: ints(0x49),
  gtU: ints(0x4b),
  leU: ints(0x4d),
  geU: ints(0x4f),
  eqz: (a: Int) => make("i32", int(a), undefined, [0x45]),
  /** `whenTrue` if `condition` is not 0, else `whenFalse`; both are evaluated. */
  select: (condition: Int, whenTrue: Int, whenFalse: Int): Expr<"i32"> => ({
    type: "i32",
    code: [int(whenTrue).code, int(whenFalse).code, int(condition).code, 0x1b],
  }),
  minU: (a: Expr<"i32">, b: Int) => i32.select(i32.ltU(a, b), a, b),
  maxU: (a: Expr<"i32">, b: Int) => i32.select(i32.gtU(a, b), a, b),
  load: (address: Int, offset = 0) => load("i32", [0x28], 2, address, offset),
  load8U: (address: Int, offset = 0) => load("i32", [0x2d], 0, address, offset),
};

/** ⌈value / by⌉, unsigned. */
export const quotientUp = (value: Int, by: Int): Expr<"i32"> => i32.divU(i32.sub(i32.add(value, by), 1), by);

export const f32 = {
  /** The float32 whose bits an i32 holds: how a function of i32 parameters takes a float. */
  fromBits: (a: Int) => make("f32", int(a), undefined, [0xbe]),
  const: (value: number) => float(value),
  add: floats(0x92),
  sub: floats(0x93),
  mul: floats(0x94),
  div: floats(0x95),
  max: floats(0x97),
  ne: (a: Float, b: Float) => make("i32", float(a), float(b), [0x5c]),
  sqrt: (a: Float) => make("f32", float(a), undefined, [0x91]),
  convertI32U: (a: Int) => make("f32", int(a), undefined, [0xb3]),
  load: (address: Int, offset = 0) => load("f32", [0x2a], 2, address, offset),
  lane: (a: Vec, lane: number) => make("f32", a, undefined, [...simd(31), lane]),
};

export const v128 = {
  zero: { type: "v128", code: [...simd(12), ...new Array<number>(16).fill(0)] } as Vec,
  load: (address: Int, offset = 0) => load("v128", simd(0), 2, address, offset),
  /** One float32 from memory in all four lanes. */
  loadSplat: (address: Int, offset = 0) => load("v128", simd(9), 2, address, offset),
  /** Eight signed bytes from memory, each widened to 16 bits. */
  load8x8S: (address: Int, offset = 0) => load("v128", simd(1), 3, address, offset),
  /** Four unsigned 16-bit integers from memory, each in 32 bits. */
  load16x4U: (address: Int, offset = 0) => load("v128", simd(4), 1, address, offset),
  and: vectors(78),
  andNot: vectors(79),
  or: vectors(80),
  xor: vectors(81),
  /** Bits of `a` where `mask` is 1, of `b` where it is 0. */
  select: (a: Vec, b: Vec, mask: Vec): Vec => ({
    type: "v128",
    code: [a.code, b.code, mask.code, simd(82)],
  }),
  /** 32-bit lanes picked from `a` (0–3) and `b` (4–7). */
  shuffle32: (a: Vec, b: Vec, lanes: readonly [number, number, number, number]) =>
    make("v128", a, b, [...simd(13), ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => lane * 4 + byte))]),
};

export const f32x4 = {
  splat: (a: Float) => make("v128", float(a), undefined, simd(19)),
  add: vectors(228),
  sub: vectors(229),
  mul: vectors(230),
  div: vectors(231),
  /** `b < a ? b : a` and `a < b ? b : a`, without the NaN fix-ups of min and max. */
  pmin: vectors(234),
  pmax: vectors(235),
  min: vectors(232),
  max: vectors(233),
  eq: vectors(65),
  ne: vectors(66),
  lt: vectors(67),
  gt: vectors(68),
  abs: vector(224),
  neg: vector(225),
  sqrt: vector(227),
  nearest: vector(106),
  convertI32x4S: vector(250),
  /** `a·b + c` and `c − a·b`, fused or not as the processor likes: needs relaxed SIMD. */
  relaxedMadd: (a: Vec, b: Vec, c: Vec): Vec => ({
    type: "v128",
    code: [a.code, b.code, c.code, simd(0x105)],
  }),
  relaxedNmadd: (a: Vec, b: Vec, c: Vec): Vec => ({
    type: "v128",
    code: [a.code, b.code, c.code, simd(0x106)],
  }),
};

export const i32x4 = {
  splat: (a: Int) => make("v128", int(a), undefined, simd(17)),
  add: vectors(174),
  sub: vectors(177),
  mul: vectors(181),
  shrU: (a: Vec, by: Int) => make("v128", a, int(by), simd(173)),
  shrS: (a: Vec, by: Int) => make("v128", a, int(by), simd(172)),
  geU: vectors(64),
  shl: (a: Vec, by: Int) => make("v128", a, int(by), simd(171)),
  truncSatS: vector(248),
  /** Sums of two neighbouring products of 16-bit lanes. */
  dotI16x8S: vectors(186),
  /**
   * `c` and sums of four neighbouring products of 8-bit lanes: `a` signed, `b` from 0 to 127 (beyond, engines differ). Needs relaxed SIMD.
   * Source: https://github.com/WebAssembly/relaxed-simd/blob/main/proposals/relaxed-simd/Overview.md
   */
  relaxedDotI8x16I7x16AddS: (a: Vec, b: Vec, c: Vec): Vec => ({
    type: "v128",
    code: [a.code, b.code, c.code, simd(0x113)],
  }),
  lane: (a: Vec, lane: number) => make("i32", a, undefined, [...simd(27), lane]),
  replaceLane: (a: Vec, lane: number, value: Int) => make("v128", a, int(value), [...simd(28), lane]),
};

export const i16x8 = {
  /** The eight 32-bit lanes of a and b, saturated to 16 bits. */
  narrowI32x4S: vectors(133),
  /**
   * Sums of two neighbouring products of 8-bit lanes: `a` signed, `b` from 0 to 127 (beyond, engines differ). Needs relaxed SIMD.
   * Source: https://github.com/WebAssembly/relaxed-simd/blob/main/proposals/relaxed-simd/Overview.md
   */
  relaxedDotI8x16I7x16S: vectors(0x112),
};

export const i8x16 = {
  /** The sixteen 16-bit lanes of a and b, saturated to 8 bits. */
  narrowI16x8S: vectors(101),
};
