/** A short run of scripts/soak.mjs: too short for its own limit, long enough to see a model that stays; and a killed thread is an error. */
import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { built } from "../support/built.ts";

/** MiB for 100 cycles of which each leaves the bundled model's 12.5 MiB behind; so few cycles have a slope of some hundred anyway. */
const aModelStays = 1250;

/** Memory of threads that ended goes when the system gets to it; a model that stays does so in every run. */
it("models come and go", { timeout: 180_000, retry: 2 }, () => {
  built("index.js");
  const { stdout, stderr } = spawnSync(process.execPath, ["scripts/soak.mjs", "--cycles", "8", "--json"], {
    encoding: "utf8",
  });
  const { killed, ...ways } = JSON.parse(stdout.trimEnd().split("\n").at(-1) || `{"said":${JSON.stringify(stderr)}}`);
  expect(Object.keys(ways)).toEqual(["1 thread", "4 threads", "1 thread, int8", "1 thread, scalar"]);
  for (const [name, { slope }] of Object.entries(ways as Record<string, { slope: number }>)) {
    expect(slope, name).toBeLessThan(aModelStays);
  }
  if (killed !== undefined) expect(killed.code).toBe("ERR_BACKEND");
});
