/**
 * A case's operands on a backend, made as the kernel's contract describes them: random numbers in, room for what comes out.
 * Weights are kept from case to case while their shape stays, because packing hundreds of megabytes takes longer than the timing.
 */
import type { Handle } from "../engine/backend.ts";
import { Random } from "../engine/random.ts";
import { view } from "../engine/view.ts";
import { type AnyContract, contractOf } from "../kernels/check.ts";
import type { InferenceBackend, InferenceOps } from "../kernels/index.ts";
import { quantiseWeights } from "../kernels/matmul-int8/quantise.ts";
import type { KernelCase } from "./kernel-cases.ts";

/** Bytes of weights that together no cache holds. */
const coldBytes = 128 * 2 ** 20;

/** How many copies of weights of so many bytes a case goes round. */
export const copiesOf = (bytes: number, temperature: Temperature): number =>
  temperature === "cold" ? Math.ceil(coldBytes / bytes) : 1;

export interface ReadyCase {
  /** Runs the kernel `times` times; cold ones go on with the next copy of the weights. */
  run(times: number): void | Promise<void>;
  /** Gives everything back but the weights. */
  release(): void;
}

/** "hot": the weights lie in a cache when the kernel starts; "cold": they come from memory. */
export type Temperature = "hot" | "cold";

/** What makes cases ready to run on a backend. */
export function operandsOn(backend: InferenceBackend): (one: KernelCase, temperature: Temperature) => ReadyCase {
  const random = new Random(1);
  const supply = Float32Array.from({ length: 65_521 }, () => random.normal());
  const numbers = (length: number): Float32Array => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i += supply.length) values.set(supply.subarray(0, length - i), i);
    return values;
  };
  let kept: { key: string; copies: Handle[] } = { key: "", copies: [] };
  const weights = (shape: readonly number[], isInt8: boolean, temperature: Temperature): readonly Handle[] => {
    const copies = copiesOf((isInt8 ? 1 : 4) * shape[0] * shape[1], temperature);
    const key = `${shape} ${isInt8} ${copies}`;
    if (kept.key === key) return kept.copies;
    for (const handle of kept.copies) backend.release(handle);
    const [k, m] = shape;
    const matrix = view(numbers(k * m), [k, m]);
    const integers = isInt8 ? quantiseWeights(matrix) : undefined;
    const pack = () => (integers === undefined ? backend.pack(matrix) : backend.packInt8(integers));
    kept = { key, copies: Array.from({ length: copies }, pack) };
    return kept.copies;
  };

  return ({ kernel, sizes, scalars, integers = {}, optional = [] }, temperature) => {
    const { operands } = contractOf(kernel) as AnyContract;
    const own: Handle[] = [];
    const args: Record<string, unknown> = { ...sizes, ...scalars };
    let packed: { name: string; copies: readonly Handle[] } | undefined;
    for (const [name, operand] of Object.entries(operands)) {
      if (operand.optional && !optional.includes(name)) continue;
      const shape = operand.shape(sizes as never);
      const length = shape.reduce((a, b) => a * b, 1);
      if (operand.role === "packed") {
        packed = { name, copies: weights(shape, operand.kind === "int8", temperature) };
        args[name] = packed.copies[0];
        continue;
      }
      const handle =
        operand.kind === "i32"
          ? backend.upload(view(Int32Array.from(integers[name] ?? []), [integers[name]?.length ?? 0]))
          : operand.role === "in"
            ? backend.upload(view(numbers(length), [length]))
            : backend.allocate(length);
      own.push(handle);
      args[name] = handle;
    }
    let next = 0;
    return {
      run(times) {
        for (let i = 0; i < times; i++) {
          if (packed !== undefined) args[packed.name] = packed.copies[next++ % packed.copies.length];
          backend.op(kernel, args as unknown as InferenceOps[typeof kernel]);
        }
      },
      release() {
        for (const handle of own) backend.release(handle);
      },
    };
  };
}
