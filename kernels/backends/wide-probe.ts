/**
 * Does the wide variant pay in this process? V8's revectoriser is experimental and silent: without it the wide tiles run, slower
 * than the relaxed ones. This file measures and compares; it sets no flag and chooses nothing.
 */
import { panelWidth } from "../assembler/block.ts";
import { gemmScratchBytes } from "../assembler/gemm.ts";
import { constantEnd, tailBytes } from "../assembler/module.ts";
import { assembleProduct } from "../assembler/program.ts";
import type { Variant } from "../assembler/variant.ts";

export interface WideProbe {
  /** The wide variant's product has the very bits of the relaxed one's, as it must: both round in the same places. */
  readonly equal: boolean;
  /** Time of the relaxed variant over time of the wide one: 1.3 to 1.8 where the revectoriser works, about 0.6 where not. */
  readonly gain: number;
}

/** From this gain on the wide variant is worth having. */
export const leastGain = 1.1;
/** More than two lanes for one can give: then only one of the two has left the baseline compiler. */
const greatestGain = 3.5;
/** What the first round takes of a settled one, at least: it compiles, and the baseline compiler's code alone takes about 5 times as long. */
const settled = 8;
/** Rounds in a row that must agree. */
const agreeing = 8;
/** By then both have left the baseline compiler: they do within 3 ms, but within 300 where other processes keep the compiler's threads waiting. */
const patienceMs = 1000;

const pages = 32;
/** 0.8 million operations: 10 to 20 µs. The last panel is cut, the depth odd. */
const [n, k, m] = [24, 255, 62];

/**
 * Times a small product in both variants, alternating, until the wide one has won some rounds in a row or `patienceMs` are over: about
 * 10 ms where it wins, half of them for assembling. Throws a CompileError without relaxed SIMD.
 */
export function probeWide(now: () => number = () => performance.now()): WideProbe {
  const [relaxed, wide] = [product("relaxed"), product("wide")];
  const rounds: { gain: number; relaxed: number }[] = [];
  const last = () => rounds.slice(-agreeing);
  const isWon = ({ gain, relaxed }: { gain: number; relaxed: number }) =>
    gain >= leastGain && gain <= greatestGain && settled * relaxed <= rounds[0].relaxed;
  const begun = now();
  do {
    const start = now();
    relaxed.run();
    const between = now();
    wide.run();
    const end = now();
    rounds.push({ gain: (between - start) / (end - between), relaxed: between - start });
  } while (!last().every(isWon) && now() - begun < patienceMs);
  const gains = last().map(({ gain }) => gain);
  const [expected, found] = [relaxed.result(), wide.result()];
  return {
    equal: expected.every((value, i) => Object.is(value, found[i])),
    gain: gains.sort((x, y) => x - y)[gains.length >> 1],
  };
}

function product(variant: Variant) {
  const { bytes, zeros } = assembleProduct(variant, { initialPages: pages });
  const memory = new WebAssembly.Memory({ initial: pages });
  const imports = { env: { memory, scratch: constantEnd, thread: 0 } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
  const gemm = exports.gemm as (...args: number[]) => void;
  const width = panelWidth(variant);
  const a = constantEnd + tailBytes + gemmScratchBytes;
  const b = a + 4 * n * k;
  const c = b + 4 * k * (m + width);
  const floats = (address: number, length: number) => new Float32Array(memory.buffer, address, length);
  floats(a, n * k).forEach((_, i, values) => {
    values[i] = Math.sin(i);
  });
  // Panels of the variant's width, with the same matrix in them.
  const panels = floats(b, k * Math.ceil(m / width) * width);
  for (let p = 0; p < k; p++) {
    for (let j = 0; j < m; j++) panels[(j - (j % width)) * k + p * width + (j % width)] = Math.cos(p * m + j);
  }
  return {
    run: () => gemm(c, 4 * m, a, 4 * k, 4, b, 4 * width, 4 * width * k, 0, zeros, 0, 0, n, m, k),
    result: () => floats(c, n * m),
  };
}
