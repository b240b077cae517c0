/**
 * The demo in a real browser, used as its visitors use it: typed into, its dials moved, by keys alone, wide and narrow, light and dark.
 * Skipped where there is no browser, with the reason printed; REQUIRE_BACKENDS=webgl2 makes that a failure.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it, type TestContext } from "vitest";

const UNAVAILABLE = 77;
const script = fileURLToPath(new URL("demo.mjs", import.meta.url));

/** What the script saw. Skips the test where it cannot run. */
async function visit(backend: string, skip: TestContext["skip"]) {
  const child = await new Promise<{ status: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [script, backend], { timeout: 110_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
    });
  });
  if (child.status === UNAVAILABLE && !(process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2")) {
    console.log(
      `the demo on ${backend} skipped: ${child.stderr.trim()} (REQUIRE_BACKENDS=webgl2 makes this a failure)`,
    );
    skip(child.stderr.trim());
  }
  expect(child.status, child.stderr).toBe(0);
  const seen = JSON.parse(child.stdout);
  // No console error, no violation of the policy, no request to another host.
  expect(seen.problems).toEqual([]);
  expect(seen.first.runs).toContain(backend);
  return seen;
}

it("reads, draws and times on wasm, wide and narrow, by keys alone", { timeout: 120_000 }, async ({ skip }) => {
  const seen = await visit("wasm", skip);
  const { first, slid, emptied, typed, chosen, keyed, reset } = seen;
  expect(first).toMatchObject({ label: "positive", end: "sure after layer 3 of 12" });
  expect(first.picture).toContain("from layer 1: not without flaws but two leads so good forgave everything");
  expect(first.fewer).toMatch(/^7\.6× fewer$/);
  expect(first.faster).toMatch(/^\d+\.\d× (faster|slower)$/);
  expect(first.denseMs).toBeGreaterThan(0);

  // A higher threshold: words leave earlier, and cells with them.
  expect(slid.cells).toBeLessThan(first.cells / 2);
  expect(Number.parseFloat(slid.fewer)).toBeGreaterThan(Number.parseFloat(first.fewer));

  expect(emptied).toMatchObject({ label: "…", picture: "", end: "waiting for words" });
  expect(typed).toMatchObject({ label: "negative", end: "sure after layer 1 of 12" });
  expect(typed.status).toMatch(/^negative, \d+ percent, sure after layer 1 of 12\.$/);

  // By keys alone.
  expect(seen.path.slice(1)).toEqual(["keep", "keep", "reset", ""]);
  expect(seen.outlined).toBe("solid");
  expect(chosen.picture).toBe(slid.picture);
  expect(keyed.cells).toBeGreaterThan(chosen.cells);
  expect(reset.picture).toBe(first.picture);

  expect(seen.widths).toHaveLength(4);
  for (const { width, scheme, scrollWidth, outside, unnamed, background, moves } of seen.widths) {
    expect(scrollWidth, `${width} px, ${scheme}`).toBe(width);
    expect(outside, `${width} px, ${scheme}`).toEqual([]);
    expect(unnamed).toBe(0);
    expect(background).toBe(scheme === "dark" ? "rgb(18, 22, 29)" : "rgb(255, 255, 255)");
    expect(moves).toBe(width === 390 ? "0s" : "0.25s");
  }
});

it("reads and draws on webgl2", { timeout: 120_000 }, async ({ skip }) => {
  const { first, slid, typed } = await visit("webgl2", skip);
  expect(first).toMatchObject({ label: "negative", end: "sure after layer 1 of 12" });
  expect(first.picture).toContain("from layer 1: dull mess");
  expect(slid.cells).toBeGreaterThan(first.cells);
  expect(typed.picture).toContain("dull mess");
  expect(typed.picture).not.toBe(first.picture);
});
