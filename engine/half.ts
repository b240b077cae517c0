/**
 * The two 16-bit floats of checkpoints, f16 (IEEE 754 binary16) and bf16 (the upper half of a float32), to float32 and back.
 * Widening is exact; narrowing rounds to the nearest, ties to even. Works on bits throughout, so NaNs keep their payload's
 * upper bits and signed zeros their sign. No arithmetic is done in 16 bits.
 */

/** The largest finite f16. */
export const LARGEST_HALF = 65504;

/** f16 bits to float32, exactly. */
export function halvesToFloats(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const sign = (halves[i] & 0x8000) << 16;
    const magnitude = halves[i] & 0x7fff;
    if (magnitude >= 0x7c00) {
      bits[i] = sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    } else {
      // Read as a float32, the shifted bits are the value divided by 2^112 (the exponents' biases differ by 127 - 15);
      // multiplying it back is exact, for subnormal halves too.
      bits[i] = magnitude << 13;
      floats[i] *= 2 ** 112;
      bits[i] |= sign;
    }
  }
  return floats;
}

/** float32 to the nearest f16, ties to even; from 65520 on it is infinity. */
export function floatsToHalves(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < halves.length; i++) halves[i] = ((bits[i] >>> 16) & 0x8000) | halfMagnitude(bits[i] & 0x7fffffff);
  return halves;
}

/** bf16 bits to float32, exactly. */
export function bfloatsToFloats(bfloats: Uint16Array): Float32Array {
  const floats = new Float32Array(bfloats.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < bfloats.length; i++) bits[i] = bfloats[i] << 16;
  return floats;
}

/** float32 to the nearest bf16, ties to even. */
export function floatsToBfloats(floats: Float32Array): Uint16Array {
  const bfloats = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bfloats.length; i++) {
    const notANumber = (bits[i] & 0x7fffffff) > 0x7f800000;
    const upper = bits[i] >>> 16;
    // A NaN whose payload lies in the lower half must not become infinity.
    if (notANumber) bfloats[i] = upper | ((upper & 0x7f) === 0 ? 0x40 : 0);
    else bfloats[i] = (bits[i] + 0x7fff + (upper & 1)) >>> 16;
  }
  return bfloats;
}

/** The f16 bits nearest to a float32's bits without sign. */
function halfMagnitude(bits: number): number {
  if (bits > 0x7f800000) {
    const payload = (bits >>> 13) & 0x3ff;
    return 0x7c00 | (payload === 0 ? 0x200 : payload);
  }
  if (bits >= 0x477ff000) return 0x7c00;
  if (bits >= 0x38800000) {
    const rebiased = bits - 0x38000000;
    return (rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13;
  }
  // Subnormal: an integer multiple of 2^-24. At 2^-25 and below it is zero (the tie goes to even).
  if (bits <= 0x33000000) return 0;
  const shift = 126 - (bits >>> 23);
  const mantissa = (bits & 0x7fffff) | 0x800000;
  const whole = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (whole & 1) === 1) ? whole + 1 : whole;
}
