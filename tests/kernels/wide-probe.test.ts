import { setFlagsFromString } from "node:v8";
import { expect, test } from "vitest";
import { probeWide } from "../../kernels/backends/wide-probe.ts";

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

/** A clock for products that take so long, ten times as long in the first round. It counts the rounds. */
function clockOf(relaxed: number, wide: number): { now: () => number; rounds: () => number } {
  let [time, reading] = [0, -1];
  return {
    now() {
      // One reading at the beginning; then, a round, before, between and after, and one more unless the probe is over.
      const place = reading++ % 4;
      const factor = reading <= 4 ? 10 : 1;
      if (place === 1) time += factor * relaxed;
      if (place === 2) time += factor * wide;
      return time;
    },
    rounds: () => Math.ceil(reading / 4),
  };
}

test("the wide tiles give the very bits of the relaxed ones", () => {
  expect(probeWide().equal).toBe(true);
});

test("a gain that lasts ends the probe; anything else is waited for", () => {
  const good = clockOf(0.2, 0.1);
  expect(probeWide(good.now).gain).toBeCloseTo(2, 5);
  expect(good.rounds()).toBe(1 + 8);
  const none = clockOf(0.1, 0.2);
  expect(probeWide(none.now).gain).toBeCloseTo(0.5, 5);
  expect(none.rounds()).toBeGreaterThan(100);
  // As if the relaxed one were still in the baseline compiler.
  const tooGood = clockOf(0.8, 0.1);
  expect(probeWide(tooGood.now).gain).toBeCloseTo(8, 5);
  expect(tooGood.rounds()).toBeGreaterThan(20);
});
