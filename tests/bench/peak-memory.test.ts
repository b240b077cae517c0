/** A process's peak is its own, not that of whoever started it. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { peakMemory } from "../../bench/peak-memory.ts";
import { peakMemorySource } from "../support/peak-memory.ts";

it.runIf(process.platform === "linux")("a small process of a large one has a small peak", () => {
  const ballast = Buffer.alloc(300e6, 1);
  const large = peakMemory();
  const script = `${peakMemorySource()}console.log(peakMemory());`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(large).toBeGreaterThan(ballast.length);
  expect(Number(stdout)).toBeGreaterThan(10e6);
  expect(Number(stdout)).toBeLessThan(large / 2);
});
