/**
 * Does the wide variant pay in this process? V8's revectoriser is experimental and silent: without it the wide tiles run, slower
 * than the relaxed ones. This file measures and compares; it sets no flag and chooses nothing.
 */
import { view } from "../../engine/view.ts";
import { wasmBackend } from "./wasm.ts";

export interface WideProbe {
  /** The wide variant's product has the very bits of the relaxed one's, as it must: both round in the same places. */
  readonly equal: boolean;
  /** Time of the relaxed variant over time of the wide one: about 2 where the revectoriser works, below 1 where not. */
  readonly gain: number;
}

/** Times a product of 120×256 by 256×256 in both variants, alternating; takes about 0.15 s. Throws ERR_BACKEND without relaxed SIMD. */
export function probeWide(now: () => number = () => performance.now()): WideProbe {
  const [n, k, m] = [120, 256, 256];
  const values = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898));
  const [relaxed, wide] = (["relaxed", "wide"] as const).map((variant) => {
    const backend = wasmBackend({ variant });
    const a = backend.upload(view(values(n * k), [n, k]));
    const weights = backend.pack(view(values(k * m), [k, m]));
    const out = backend.allocate(n * m);
    const run = () => backend.op("matmul", { out, a, weights, n, k, m });
    return { run, times: [] as number[], read: () => backend.read(out) };
  });
  // The first rounds run in the baseline compiler and are not counted.
  for (let round = 0; round < 60; round++) {
    for (const { run, times } of [relaxed, wide]) {
      const start = now();
      run();
      if (round >= 40) times.push(now() - start);
    }
  }
  const [expected, found] = [relaxed.read(), wide.read()];
  const median = (times: number[]) => times.sort((x, y) => x - y)[times.length >> 1];
  return {
    equal: expected.every((value, i) => Object.is(value, found[i])),
    gain: median(relaxed.times) / median(wide.times),
  };
}
