import { setFlagsFromString } from "node:v8";
import { expect, test } from "vitest";
import { probeWide } from "../../kernels/backends/wide-probe.ts";

// Node 20 has relaxed SIMD behind a flag that later versions no longer know.
if (process.version.startsWith("v20.")) setFlagsFromString("--experimental-wasm-relaxed-simd");

test("the wide tiles give the very bits of the relaxed ones, and their gain is measured by the clock that was given", () => {
  let ticks = 0;
  const { equal, gain } = probeWide(() => ticks++);
  expect(equal).toBe(true);
  expect(gain).toBe(1);
  expect(ticks).toBe(2 * 2 * 60 - 2 * 40);
});
