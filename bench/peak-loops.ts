/**
 * Loops that do one thing as fast as the machine can: multiply and add in registers, or read memory. Emitted by the assembler of the
 * kernels, so that they meet the same compiler. They compute nothing that anybody wants and time nothing.
 */
import type { FunctionBuilder, Local } from "../kernels/assembler/function.ts";
import { ModuleBuilder } from "../kernels/assembler/module.ts";
import { f32x4, i16x8, i32, i32x4, type Vec, v128 } from "../kernels/assembler/values.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { defineDotProbe, fusesDot } from "../kernels/matmul-int8/fused-dot.ts";

/** Independent sums in registers: enough to hide an addition's latency, few enough to leave room for two operands. */
const chains = 12;
/** Steps of every chain in one turn of a loop. */
const stepsPerTurn = 8;
/** Places that are read at once: more than a prefetcher needs, fewer than it follows. */
const streams = 4;
/** Bytes that one turn reads of a stream: a cache line. */
const lineBytes = 64;

/** 128-bit vectors in a register as the variant's engine sees it. */
const halves = (variant: Variant): number => (variant === "wide" ? 2 : 1);

export interface PeakLoops {
  /** Multiply-adds of float32 in registers. */
  readonly issue: (turns: number) => void;
  /** The same of 8-bit products summed into 32 bits, as kernels do it here; absent from the plain build, which has no such instruction. */
  readonly issueInt8?: (turns: number) => void;
  /** Sums up `bytes` bytes (a multiple of 256) from the loops' buffer on. */
  readonly read: (bytes: number) => void;
  readonly flopsPerTurn: number;
  readonly int8OpsPerTurn: number;
}

type Loops = Record<"issue" | "read", (argument: number) => void> &
  Partial<Record<"fusedInt8" | "unfusedInt8" | "dotProbe", (argument: number) => void>>;

/** Bytes before the buffer: constants, and what the loops store at their end. */
const bufferStart = 65536;

/** Compiles the loops of a variant over a buffer of `bytes` bytes, all of it touched. Throws CompileError without the instructions. */
export function peakLoops(variant: Variant, bytes: number): PeakLoops {
  const pages = Math.ceil((bufferStart + bytes) / 65536);
  const module = new ModuleBuilder({ initialPages: pages });
  const vectors = chains * halves(variant);

  module.function("issue", ["turns"], (f, turns) => {
    if (variant === "plain") return plainLoop(f, turns);
    const scale = f.v128(module.splat(0.5));
    const steps = range(halves(variant)).map((half) => f.v128(v128.load(module.zeros, 16 * half)));
    registerLoop(f, turns, vectors, (sum, i) => f32x4.relaxedMadd(sum, scale, steps[i % steps.length]));
  });
  if (variant !== "plain") {
    defineDotProbe(module);
    const weightsOf = (f: FunctionBuilder) =>
      range(halves(variant)).map((half) => f.v128(v128.load(module.zeros, 16 * half)));
    module.function("unfusedInt8", ["turns"], (f, turns) => {
      const weights = weightsOf(f);
      // Neighbours are added by a product with ones: V8 has one instruction for that, and for extadd_pairwise three.
      const ones = f.v128(module.splatInt(0x00010001));
      const products = (sum: Vec, i: number) => i16x8.relaxedDotI8x16I7x16S(sum, weights[i % weights.length]);
      registerLoop(f, turns, vectors, (sum, i) => i32x4.add(sum, i32x4.dotI16x8S(products(sum, i), ones)));
    });
    module.function("fusedInt8", ["turns"], (f, turns) => {
      const weights = weightsOf(f);
      registerLoop(f, turns, vectors, (sum, i) =>
        i32x4.relaxedDotI8x16I7x16AddS(weights[0], weights[i % weights.length], sum),
      );
    });
  }
  module.function("read", ["bytes"], (f, length) => {
    const quarter = f.i32(i32.shrU(length, 2));
    const address = f.i32(bufferStart);
    const places = range(streams).map((s) => f.i32(i32.add(bufferStart, i32.mul(quarter, s))));
    const sums = range(2).map(() => range(lineBytes / 16).map((i) => f.v128(v128.load(address, 16 * i))));
    const end = f.i32(i32.add(address, quarter));
    f.while(i32.ltU(places[0], end), () => {
      for (const [p, place] of places.entries()) {
        for (const [i, sum] of sums[p % 2].entries()) f.set(sum, f32x4.add(sum, v128.load(place, 16 * i)));
      }
      for (const place of places) f.advance(place, lineBytes);
    });
    storeAll(f, sums.flat());
  });

  const memory = new WebAssembly.Memory({ initial: pages });
  const env = { memory, scratch: 4096, thread: 0 };
  const exports = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env }).exports as Loops;
  // Zeroed memory may be one page of the system, mapped many times.
  new Float32Array(memory.buffer, bufferStart).fill(1);
  const perTurn = vectors * stepsPerTurn;
  const { issue, read, fusedInt8, unfusedInt8 } = exports;
  const issueInt8 = fusesDot(exports, memory, env.scratch) ? fusedInt8 : unfusedInt8;
  return {
    issue,
    read,
    ...(issueInt8 && { issueInt8 }),
    flopsPerTurn: 2 * 4 * (variant === "plain" ? 8 : perTurn),
    int8OpsPerTurn: 2 * 16 * perTurn,
  };
}

/**
 * `turns` turns over sums that never leave their registers. They come from memory and go back to it in order: V8's revectoriser starts
 * from adjacent stores.
 */
function registerLoop(
  f: FunctionBuilder,
  turns: Local<"i32">,
  vectors: number,
  step: (sum: Vec, i: number) => Vec,
): void {
  const from = f.i32(bufferStart);
  const sums = range(vectors).map((i) => f.v128(v128.load(from, 16 * i)));
  f.while(turns, () => {
    for (const _ of range(stepsPerTurn)) for (const [i, sum] of sums.entries()) f.set(sum, step(sum, i));
    f.setInt(turns, i32.sub(turns, 1));
  });
  storeAll(f, sums);
}

/**
 * Multiplied, then added, a sum waits for both: too long for as many sums as there are registers. Here only the addition waits;
 * the products are those of two and four values, read anew in every turn because the compiler would keep products of constants.
 */
function plainLoop(f: FunctionBuilder, turns: Local<"i32">): void {
  const from = f.i32(bufferStart);
  const sums = range(8).map((i) => f.v128(v128.load(from, 16 * i)));
  f.while(turns, () => {
    const ones = range(2).map((i) => f.v128(v128.loadSplat(from, 4 * i)));
    const values = range(4).map((v) => f.v128(v128.load(from, 16 * v)));
    for (const [i, sum] of sums.entries()) f.set(sum, f32x4.add(f32x4.mul(ones[i >> 2], values[i & 3]), sum));
    f.setInt(turns, i32.sub(turns, 1));
  });
  storeAll(f, sums);
}

function storeAll(f: FunctionBuilder, sums: readonly Vec[]): void {
  const to = f.i32(bufferStart / 2);
  for (const [i, sum] of sums.entries()) f.storeVec(to, 16 * i, sum);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
