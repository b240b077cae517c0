/** All 65536 values of both 16-bit floats, and rounding against a definition that searches for the nearest. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloatsToFloats, floatsToBfloats, floatsToHalves, halvesToFloats } from "../../engine/half.ts";

const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

/** The value of sign, exponent and mantissa, by the definition of IEEE 754. */
function defined(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const kinds = [
  { name: "f16", exponent: 5, mantissa: 10, widen: halvesToFloats, narrow: floatsToHalves },
  { name: "bf16", exponent: 8, mantissa: 7, widen: bfloatsToFloats, narrow: floatsToBfloats },
];

describe.each(kinds)("$name", ({ exponent, mantissa, widen, narrow }) => {
  const values = widen(all);
  const infinity = (2 ** exponent - 1) << mantissa;

  test("every value widens to its definition", () => {
    const wrong = [...all].filter((bits) => !Object.is(values[bits], defined(bits, exponent, mantissa)));
    expect(wrong).toEqual([]);
  });

  test("every value survives the way there and back, NaNs with their payloads", () => {
    expect(narrow(values)).toEqual(all);
  });

  test("a midpoint goes to the even neighbour, and what is off it to the nearer one", () => {
    const last = infinity - 1;
    for (let bits = 0; bits < last; bits++) {
      const low = values[bits];
      const high = values[bits + 1];
      const middle = Math.fround(low / 2 + high / 2);
      const [below, above] = [nextFloat(middle, -1), nextFloat(middle, 1)];
      const found = narrow(Float32Array.of(below, middle, above, -below, -middle, -above));
      const even = bits % 2 === 0 ? bits : bits + 1;
      const expected = [bits, even, bits + 1];
      if (found.join() !== [...expected, ...expected.map((b) => b | 0x8000)].join()) {
        expect.fail(`around ${middle}: found ${found.join()}, expected ${expected.join()}`);
      }
    }
  });

  test("beyond the largest value", () => {
    const largest = values[infinity - 1];
    const step = largest - values[infinity - 2];
    const tie = Math.fround(largest + step / 2);
    const found = narrow(Float32Array.of(largest, nextFloat(tie, -1), tie, Number.POSITIVE_INFINITY, Number.NaN));
    expect([...found.subarray(0, 4)]).toEqual([infinity - 1, infinity - 1, infinity, infinity]);
    expect(found[4] & 0x7fff).toBeGreaterThan(infinity);
  });

  test("a NaN whose payload is cut off stays one", () => {
    const nan = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001).buffer);
    for (const bits of narrow(nan)) expect(bits & 0x7fff).toBeGreaterThan(infinity);
  });

  test("any float32 goes to a value no farther than any other", () => {
    const bits = fc.integer({ min: 0, max: 0x7f7fffff });
    fc.assert(
      fc.property(bits, (pattern) => {
        const value = new Float32Array(Uint32Array.of(pattern).buffer)[0];
        const found = narrow(Float32Array.of(value))[0];
        if (found === infinity) return value > values[infinity - 1];
        const distance = Math.abs(values[found] - value);
        const neighbours = [found - 1, found + 1].filter((b) => b >= 0 && b < infinity);
        return neighbours.every((b) => Math.abs(values[b] - value) >= distance);
      }),
      { numRuns: 20_000 },
    );
  });
});

test("a view that begins within its buffer", () => {
  const floats = Float32Array.of(9, 1, -2, 9).subarray(1, 3);
  expect([...halvesToFloats(floatsToHalves(floats))]).toEqual([1, -2]);
  expect([...bfloatsToFloats(floatsToBfloats(floats))]).toEqual([1, -2]);
});

function nextFloat(value: number, direction: 1 | -1): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0] += direction;
  return new Float32Array(bits.buffer)[0];
}
