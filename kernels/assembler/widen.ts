/**
 * The 16-bit floats of checkpoints to float32, four at a time: what engine/half.ts does, bit for bit. The values may end where the
 * floats end: every step reads before it writes, and never writes over what is still to be read. Counts are multiples of four.
 */
import type { ModuleBuilder } from "./module.ts";
import { f32x4, i32x4, type Vec, v128 } from "./values.ts";

/** widenF16 and widenBF16(to, from, count). */
export function defineWidening(module: ModuleBuilder): void {
  const define = (name: string, widen: (bits: Vec) => Vec) =>
    module.function(name, ["to", "from", "count"], (f, to, from, count) => {
      const i = f.i32();
      f.for(i, 0, count, 4, () => {
        f.storeVec(to, 0, widen(f.v128(v128.load16x4U(from))));
        f.advance(to, 16);
        f.advance(from, 8);
      });
    });
  define("widenBF16", (bits) => i32x4.shl(bits, 16));
  const scale = module.splat(2 ** 112);
  define("widenF16", (bits) => {
    const shifted = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13);
    // Infinities and NaNs have all bits of the exponent; everything else is exact in the product.
    const special = v128.and(i32x4.geU(shifted, i32x4.splat(0x0f800000)), i32x4.splat(0x7f800000));
    const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
    return v128.or(v128.or(f32x4.mul(shifted, scale), special), sign);
  });
}
