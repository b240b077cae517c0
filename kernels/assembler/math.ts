/**
 * Vector functions: exp, tanh, and the pieces of the exact GELU, four float32 at a time.
 * Constants come from the module's memory. NaN goes in, NaN comes out; nothing here reads or writes rows.
 */

import type { FunctionBuilder, Local } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { f32x4, i32x4, type Vec, v128 } from "./values.ts";
import { multiplyAdd, type Variant } from "./variant.ts";

/** Below −127.5·ln 2, e^x is taken to be 0; what is lower is lifted to this, where the power of two is 0. */
const smallestExponent = -88;
/** Above this, e^x stays at 2.4e38: the next power of two would not fit an exponent. Nothing here needs more. */
const largestExponent = 88.37;
/**
 * Added to a small number n, it leaves n + 127 in the lowest bits of the sum: rounding to a whole number and float32's
 * exponent in one addition.
 */
const roundToExponent = 1.5 * 2 ** 23 + 127;

export interface VectorMath {
  /** a·b + c, fused except in the plain variant. */
  madd(a: Vec, b: Vec, c: Vec): Vec;
  /** |x| */
  abs(x: Vec): Vec;
  /** e^x: 7e-8 relative; 0 below -87.7, 2.4e38 above 88.4. */
  exp(f: FunctionBuilder, x: Vec): Vec;
  /** The same for x ≤ 0, or little more. */
  expOfNegative(f: FunctionBuilder, x: Vec): Vec;
  /** tanh: 1e-7 absolute, and relative near 0. */
  tanh(f: FunctionBuilder, x: Vec): Vec;
  /** x · Φ(x), 4e-7 absolute. */
  gelu(f: FunctionBuilder, x: Vec): Vec;
  /** Φ(x) + x · φ(x), 4e-7 absolute. */
  geluSlope(f: FunctionBuilder, x: Vec): Vec;
}

const farthestTail = 5.7;
/** Of p in `gelu`, from the highest power down. */
const tailCoefficients = [
  -3.238305e-6, -3.5692014e-5, 3.9932664e-5, 1.6303987e-3, 7.9255423e-4, -3.1866457e-2, 9.1472082e-2, 9.1700518e-1,
];
/** Of q in `geluSlope`, from the highest power down: Mills' ratio less t, over √(2π). */
const slopeCoefficients = [
  -8.063067814e-6, 1.519418266e-4, -1.271161733e-3, 6.382804147e-3, -2.223087408e-2, 5.949679233e-2, -1.317728844e-1,
  2.497522936e-1, -7.978648992e-1, 4.999997431e-1,
];

export function vectorMath(module: ModuleBuilder, variant: Variant): VectorMath {
  const madd = multiplyAdd(variant);
  const c = (value: number) => module.splat(value);
  const abs = (x: Vec) => v128.andNot(x, c(-0));
  /** Horner's rule; coefficients from the highest power down. */
  const polynomial = (f: FunctionBuilder, x: Vec, coefficients: readonly number[]): Local<"v128"> => {
    const sum = f.v128(c(coefficients[0]));
    for (const coefficient of coefficients.slice(1)) f.set(sum, madd(sum, x, c(coefficient)));
    return sum;
  };

  // Cody–Waite: x = n·ln 2 + r with ln 2 in two parts, then e^r for |r| ≤ ln 2 / 2 by minimax (2e-9 relative).
  const expOf = (f: FunctionBuilder, bounded: Vec): Vec => {
    const shifted = f.v128(madd(bounded, c(Math.LOG2E), c(roundToExponent)));
    const n = f.v128(f32x4.sub(shifted, c(roundToExponent)));
    const r = f.v128(madd(n, c(-0.693359375), bounded));
    f.set(r, madd(n, c(2.1219444e-4), r));
    const series = polynomial(
      f,
      r,
      [1.3843606946e-3, 8.3741957919e-3, 4.1668004731e-2, 1.6666430799e-1, 4.9999994192e-1, 1, 1],
    );
    return f32x4.mul(series, i32x4.shl(shifted, 23));
  };
  const expOfNegative = (f: FunctionBuilder, x: Vec): Vec => expOf(f, f.v128(f32x4.pmax(x, c(smallestExponent))));
  const exp = (f: FunctionBuilder, x: Vec): Vec => expOfNegative(f, f32x4.pmin(x, c(largestExponent)));

  // Small |x|: the odd polynomial of Cephes (tanhf.c), so that the result is relatively exact; else 1 − 2/(e^2|x| + 1).
  const tanh = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const magnitude = f.v128(abs(x));
    const square = f.v128(f32x4.mul(x, x));
    const series = polynomial(
      f,
      square,
      [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1],
    );
    const near = f.v128(madd(f32x4.mul(series, square), x, x));
    const grown = exp(f, f32x4.add(magnitude, magnitude));
    const far = f.v128(f32x4.sub(c(1), f32x4.div(c(2), f32x4.add(grown, c(1)))));
    const signed = v128.or(far, v128.and(x, c(-0)));
    return v128.select(near, signed, f32x4.lt(magnitude, c(0.625)));
  };

  // max(x, 0) − t·Φ(−t) for t = |x|, with Φ(−t) = p(−t)^8: the form of Abramowitz & Stegun 7.1.28 turned over, so that nothing is
  // divided; p of degree 7 fitted by minimax on t·Φ(−t). From farthestTail on the tail is taken to stay as it is there, 3.4e-8.
  const gelu = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const below = f.v128(f32x4.pmax(v128.or(x, c(-0)), c(-farthestTail)));
    const p = polynomial(f, below, tailCoefficients);
    for (let squaring = 0; squaring < 3; squaring++) f.set(p, f32x4.mul(p, p));
    return madd(below, p, f32x4.pmax(x, c(0)));
  };

  // For t = |x|, Φ(−t) − t·φ(t) = e^(−t²/2) · q(t), q of degree 9 fitted by minimax on the product; the slope at −t, and 1 − it at t.
  const geluSlope = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const magnitude = f.v128(f32x4.pmin(abs(x), c(16)));
    const q = polynomial(f, magnitude, slopeCoefficients);
    const bell = expOfNegative(f, f32x4.mul(f32x4.mul(magnitude, magnitude), c(-0.5)));
    // x·0: the slope at infinity is NaN by the formula, as everywhere.
    const below = f.v128(madd(bell, q, f32x4.mul(x, c(0))));
    return v128.select(below, f32x4.sub(c(1), below), f32x4.lt(x, c(0)));
  };

  return { madd, abs, exp, expOfNegative, tanh, gelu, geluSlope };
}
