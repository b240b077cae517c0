/**
 * Cross-entropy over long rows (a vocabulary) in WebAssembly SIMD, and its gradient. Short rows (labels) are left to the scalar
 * form, whose sums are float64.
 */
import { mapRow, maxRow, sumRow } from "../assembler/elementwise.ts";
import { floatBits, type Machine, type WasmHandle } from "../assembler/machine.ts";
import type { VectorMath } from "../assembler/math.ts";
import type { ModuleBuilder } from "../assembler/module.ts";
import { f32, f32x4 } from "../assembler/values.ts";
import type { CrossEntropyArgs, CrossEntropyGradientArgs } from "./contract.ts";
import { crossEntropy as scalarCrossEntropy, crossEntropyGradient as scalarGradient } from "./scalar.ts";

/** Classes from which on a row is worth a call. */
const longRow = 128;

export function defineCrossEntropy(module: ModuleBuilder, math: VectorMath): void {
  /** out = [max of the row, Σ exp(x − max)] */
  module.function("expSum", ["out", "x", "count"], (f, out, x, count) => {
    const top = f.v128(maxRow(f, module, count, [x], ([value]) => value));
    const sum = sumRow(f, module, count, [x], ([value]) => math.expOfNegative(f, f32x4.sub(value, top)));
    f.storeFloat(out, 0, f32.lane(top, 0));
    f.storeFloat(out, 4, sum);
  });
  /** dx += factor · exp(x − top) */
  module.function("addScaledExp", ["dx", "x", "count", "top", "factor"], (f, dx, x, count, top, factor) => {
    const most = f.v128(f32x4.splat(f32.fromBits(top)));
    const scale = f.v128(f32x4.splat(f32.fromBits(factor)));
    mapRow(f, module, dx, count, [dx, x], ([slope, value]) =>
      math.madd(math.expOfNegative(f, f32x4.sub(value, most)), scale, slope),
    );
  });
}

function maxAndSum(machine: Machine, row: number, count: number): readonly [max: number, sum: number] {
  const address = machine.workspace(8);
  machine.call.expSum(address, row, count);
  const [max, sum] = machine.floats(address, 2);
  return [max, sum];
}

export const crossEntropy =
  (machine: Machine) =>
  (args: CrossEntropyArgs<WasmHandle>): void => {
    const { loss, logits, labels, n, c } = args;
    if (c < longRow) scalarCrossEntropy(args);
    else
      for (let i = 0; i < n; i++) {
        const label = labels.data[i];
        const [max, sum] = label < 0 ? [0, 1] : maxAndSum(machine, logits.address + 4 * i * c, c);
        loss.data[i] = label < 0 ? 0 : max + Math.log(sum) - logits.data[i * c + label];
      }
  };

export const crossEntropyGradient =
  (machine: Machine) =>
  (args: CrossEntropyGradientArgs<WasmHandle>): void => {
    const { dLogits, logits, labels, dLoss, n, c } = args;
    if (c < longRow) scalarGradient(args);
    else
      for (let i = 0; i < n; i++) {
        const label = labels.data[i];
        if (label < 0) continue;
        const [target, row] = [dLogits, logits].map(({ address }) => address + 4 * i * c);
        const [max, sum] = maxAndSum(machine, row, c);
        const slope = dLoss.data[i];
        machine.call.addScaledExp(target, row, c, floatBits(max), floatBits(slope / sum));
        dLogits.data[i * c + label] -= slope;
      }
  };
