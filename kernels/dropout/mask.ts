/**
 * The one definition of which places dropout keeps. A 32-bit integer hash (two multiply–xorshift rounds), cheap in any form.
 * Source of the constants: https://github.com/skeeto/hash-prospector (lowbias32)
 */

/** True if place `i` is kept under `seed`: hash(seed + i · 0x9e3779b9) ≥ probability · 2³². */
export function isKept(seed: number, i: number, probability: number): boolean {
  let x = (seed + Math.imul(i, 0x9e3779b9)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0 >= dropThreshold(probability);
}

/** The unsigned 32-bit bound below which a hash drops. */
export function dropThreshold(probability: number): number {
  return Math.floor(probability * 4294967296);
}
