/**
 * The GPU backend in a real browser's WebGL2. The page's cases run once, in a child process, and are reported one by one.
 * Where there is no browser they are skipped, and the reason printed; REQUIRE_BACKENDS=webgl2 makes that a failure.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Case {
  name: string;
  error?: string;
}

const UNAVAILABLE = 77;
const script = fileURLToPath(new URL("browser.mjs", import.meta.url));
const child = await new Promise<{ status: number | string; stdout: string; stderr: string }>((resolve) => {
  execFile(process.execPath, [script], { timeout: 300_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
    resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
  });
});
const required = (process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2");

if (child.status === UNAVAILABLE && !required) {
  console.log(`webgl2 skipped: ${child.stderr.trim()} (REQUIRE_BACKENDS=webgl2 makes this a failure)`);
  describe.skip(`webgl2: ${child.stderr.trim()}`, () => it("runs", () => {}));
} else {
  const cases: Case[] = child.status === 0 ? JSON.parse(child.stdout) : [];
  describe("the gpu backend in WebGL2", () => {
    it("runs in the browser", () => {
      expect(child.status, child.stderr).toBe(0);
      for (const kernel of ["matmul", "softmax"]) {
        expect(cases.filter(({ name }) => name.startsWith(`generic > ${kernel} > `)).length).toBe(5);
      }
      expect(cases.filter(({ name }) => name.startsWith("webgl2 > ")).length).toBeGreaterThan(15);
    });
    for (const { name, error } of cases) it(name, () => expect(error).toBeUndefined());
  });
}
