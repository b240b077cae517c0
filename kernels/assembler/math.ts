/**
 * Vector functions: exp, tanh, and the pieces of the exact GELU, four float32 at a time.
 * Constants come from the module's memory. NaN goes in, NaN comes out; nothing here reads or writes rows.
 */

import type { FunctionBuilder } from "./function.ts";
import type { ModuleBuilder } from "./module.ts";
import { f32x4, i32x4, type Vec, v128 } from "./values.ts";
import { multiplyAdd, type Variant } from "./variant.ts";

/** Below this, e^x is taken to be 0: the smallest normal float32 is e^-87.3. */
const smallestExponent = -87.3365;
/** Above this, e^x stays at 2.4e38: the next power of two would not fit an exponent. Nothing here needs more. */
const largestExponent = 88.37;

export interface VectorMath {
  /** e^x: 7e-8 relative; 0 below -87.3, 2.4e38 above 88.4. */
  exp(f: FunctionBuilder, x: Vec): Vec;
  /** tanh: 1e-7 absolute, and relative near 0. */
  tanh(f: FunctionBuilder, x: Vec): Vec;
  /** Φ(−|x|), the normal tail that GELU needs: 1.2e-6 absolute, and |x|·Φ(−|x|) to 3.3e-7. */
  normalTail(f: FunctionBuilder, magnitude: Vec): Vec;
  /** x · Φ(x), 4e-7 absolute. */
  gelu(f: FunctionBuilder, x: Vec): Vec;
}

export function vectorMath(module: ModuleBuilder, variant: Variant): VectorMath {
  const madd = multiplyAdd(variant);
  const c = (value: number) => module.splat(value);
  /** Horner's rule; coefficients from the highest power down. */
  const polynomial = (f: FunctionBuilder, x: Vec, coefficients: readonly number[]): Vec => {
    const sum = f.v128(c(coefficients[0]));
    for (const coefficient of coefficients.slice(1)) f.set(sum, madd(sum, x, c(coefficient)));
    return sum;
  };

  // Cody–Waite: x = n·ln 2 + r with ln 2 in two parts, then the Taylor series of e^r for |r| ≤ ln 2 / 2.
  const exp = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const bounded = f.v128(f32x4.pmin(f32x4.pmax(x, c(smallestExponent)), c(largestExponent)));
    const n = f.v128(f32x4.nearest(f32x4.mul(bounded, c(Math.LOG2E))));
    const r = f.v128(madd(n, c(-0.693359375), bounded));
    f.set(r, madd(n, c(2.1219444e-4), r));
    const series = polynomial(f, r, [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1]);
    const power = i32x4.shl(i32x4.add(i32x4.truncSatS(n), i32x4.splat(127)), 23);
    const scaled = f32x4.mul(series, power);
    return v128.andNot(scaled, f32x4.lt(x, c(smallestExponent)));
  };

  // Small |x|: the odd polynomial of Cephes (tanhf.c), so that the result is relatively exact; else 1 − 2/(e^2|x| + 1).
  const tanh = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const magnitude = f.v128(f32x4.abs(x));
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

  // Φ(−t) = ½ / p(t)^16: the form of Abramowitz & Stegun 7.1.28, p of degree 7 fitted by minimax on t·Φ(−t).
  const normalTail = (f: FunctionBuilder, magnitude: Vec): Vec => {
    const p = f.v128(
      polynomial(
        f,
        magnitude,
        [
          8.168934186869592e-7, -2.0735396901727654e-6, 7.478629413526505e-5, -5.149919161340222e-6,
          3.3133020624518394e-3, 2.112751454114914e-2, 4.9869097769260406e-2, 1,
        ],
      ),
    );
    for (let squaring = 0; squaring < 4; squaring++) f.set(p, f32x4.mul(p, p));
    return f32x4.div(c(0.5), p);
  };

  const gelu = (f: FunctionBuilder, value: Vec): Vec => {
    const x = f.v128(value);
    const magnitude = f.v128(f32x4.abs(x));
    const tail = f.v128(normalTail(f, magnitude));
    return f32x4.sub(f32x4.pmax(x, c(0)), f32x4.mul(f32x4.pmin(magnitude, c(16)), tail));
  };

  return { exp, tanh, normalTail, gelu };
}
