/**
 * Has the processor one instruction for `i32x4.relaxed_dot_i8x16_i7x16_add_s` (AVX-VNNI)? Then a step of the 8-bit product is that and nothing
 * else, and takes half the time; an x86 without makes five of it, where two dots in turn are three. An Arm has one too, or makes fewer of it
 * than of two dots. No engine says which, and no clock has to: the instruction promises nothing for a second operand beyond 127, and there
 * the answer itself tells.
 */
import type { ModuleBuilder } from "../assembler/module.ts";
import { i32x4, v128 } from "../assembler/values.ts";

/** What 4 products of 127 and a byte of all ones come to: that byte is 255 to AVX-VNNI, which does not saturate, and −1 to Arm. */
const sumsOfFusing: readonly number[] = [4 * 127 * 255, 4 * 127 * -1];
// Without the instruction, x86 saturates each pair of products to 16 bits: 65534. Node 20's baseline compiler gives wrong sums of any operands.

const a = [-3, 5, -127, 127];
const b = [64, 127, 2, 1];
const sum = a.reduce((total, value, i) => total + value * b[i], 0);

/** dotProbe(to): two integers, what the instruction makes of too large an operand, and of ones as they should be. */
export function defineDotProbe(module: ModuleBuilder): void {
  const bytes = (values: readonly number[]) => {
    const word = new DataView(Int8Array.from(values).buffer).getInt32(0, true);
    return module.splatInt(word);
  };
  const cases = [
    [bytes([127, 127, 127, 127]), bytes([-1, -1, -1, -1])],
    [bytes(a), bytes(b)],
  ];
  module.function("dotProbe", ["to"], (f, to) => {
    for (const [i, [one, other]] of cases.entries()) {
      // Into a register of its own, then in place.
      const total = f.v128(i32x4.relaxedDotI8x16I7x16AddS(one, other, v128.load(module.zeros)));
      f.set(total, i32x4.relaxedDotI8x16I7x16AddS(one, other, total));
      f.storeVec(to, 16 * i, total);
    }
  });
}

/** Whether this engine, on this processor, should run the fused tiles. `scratch`: 32 bytes that nobody needs. */
export function fusesDot(
  { dotProbe }: { readonly dotProbe?: (to: number) => void },
  memory: WebAssembly.Memory,
  scratch: number,
): boolean {
  if (dotProbe === undefined) return false;
  dotProbe(scratch);
  const [tooLarge, , , , ordinary] = new Int32Array(memory.buffer, scratch, 8);
  return sumsOfFusing.includes(tooLarge / 2) && ordinary / 2 === sum;
}
