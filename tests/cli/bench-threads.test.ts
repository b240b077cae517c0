/** `bench threads`: what it reports, and what it refuses. No time is asserted. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { expect, it } from "vitest";
import { objects, run } from "./run.ts";

const tiny = ["bench", "threads", "--shape", "1,8,2,8", "--runs", "2", "--simd", "relaxed"];
const canRun = existsSync("dist/forward-worker.js") && availableParallelism() > 1;
if (!canRun) console.log("skipped: bench threads needs two cores and a build (npm run build)");

it.skipIf(!canRun)("reports each length on one thread, shared, and beside independent forwards", async () => {
  const ran = await run([...tiny, "--tokens", "3,5", "--threads", "2", "--json"]);
  expect([ran.code, ran.err]).toEqual([0, []]);
  const [report] = objects(ran);
  expect(report).toMatchObject({ schemaVersion: 1, shape: "1,8,2,8", threads: 2, variant: "relaxed" });
  const rows = report.rows as Record<string, Record<string, number> & number>[];
  expect(rows.map(({ tokens }) => tokens)).toEqual([3, 5]);
  for (const row of rows) {
    for (const name of ["oneMs", "sharedMs", "faster", "independent"]) {
      expect(row[name].count, name).toBe(2);
      expect(row[name].min, name).toBeGreaterThan(0);
    }
    expect(row.ofIndependent).toBeGreaterThan(0);
  }
});

it.skipIf(!canRun)("prints a table, and says why there are fewer threads than asked for", async () => {
  const ran = await run([...tiny, "--tokens", "4", "--threads", "1000"]);
  expect(ran.code, ran.err.join()).toBe(0);
  expect(ran.out[0]).toContain("1000 asked for; this machine has");
  expect(ran.out[1]).toMatch(/^tokens +1 thread +\d+ threads +faster/);
  expect(ran.out[3] ?? ran.out[2]).toMatch(/^4 /);
});

it("refuses one thread, long texts and unknown builds", async () => {
  const refused = async (...argv: string[]) => {
    const ran = await run(["bench", "threads", ...argv]);
    expect([ran.code, ran.out]).toEqual([2, []]);
    return ran.err.join();
  };
  expect(await refused("--threads", "1")).toContain("--threads");
  expect(await refused("--tokens", "513")).toContain("at most 512");
  expect(await refused("--simd", "wid")).toContain('did you mean "wide"?');
});
