/**
 * The GPU backend in a real browser's WebGL2. The page's cases run once, in a child process, and are reported one by one.
 * Where there is no browser they are skipped, and the reason printed; REQUIRE_BACKENDS=webgl2 makes that a failure.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Case {
  name: string;
  error?: string;
}

const UNAVAILABLE = 77;
const script = fileURLToPath(new URL("browser.mjs", import.meta.url));
const child = spawnSync(process.execPath, [script], { encoding: "utf8", timeout: 180_000, maxBuffer: 1 << 26 });
const required = (process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2");

if (child.status === UNAVAILABLE && !required) {
  console.log(`webgl2 skipped: ${child.stderr.trim()} (REQUIRE_BACKENDS=webgl2 makes this a failure)`);
  describe.skip(`webgl2: ${child.stderr.trim()}`, () => it("runs", () => {}));
} else {
  const cases: Case[] = child.status === 0 ? JSON.parse(child.stdout) : [];
  describe("the gpu backend in WebGL2", () => {
    it("runs in the browser", () => {
      expect(child.status, child.stderr || String(child.error)).toBe(0);
      expect(cases.length).toBeGreaterThan(15);
    });
    for (const { name, error } of cases) it(name, () => expect(error).toBeUndefined());
  });
}
