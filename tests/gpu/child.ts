/**
 * Reports, one by one, the cases that ran in a child process: exit 0 ran (JSON on stdout), 77 the mode is not to be had here, with the
 * reason on stderr, which is printed; REQUIRE_BACKENDS=MODE makes that a failure. Every mode adds its line to GPU COVERAGE.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gpuKernels } from "./kernels.ts";

interface Case {
  name: string;
  ms: number;
  error?: string;
}

const UNAVAILABLE = 77;

/** `backend` is the mode's name in REQUIRE_BACKENDS; `own` the least number of cases beside the generic kernel test. */
export async function reportChild(
  backend: string,
  script: string,
  args: readonly string[],
  own: number,
): Promise<void> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = await new Promise<{ status: number | string; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [path, ...args], { timeout: 300_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
    });
  });
  const required = (process.env.REQUIRE_BACKENDS ?? "").split(",").includes(backend);
  const cover = (what: string): void => console.log(`GPU COVERAGE | ${backend.padEnd(12)} | ${what}`);
  const reason = child.stderr.trim().split("\n").at(-1) ?? "";

  if (child.status === UNAVAILABLE && !required) {
    cover(`skipped: ${reason} (REQUIRE_BACKENDS=${backend} makes this a failure)`);
    describe.skip(`${backend}: ${reason}`, () => it("runs", () => {}));
    return;
  }
  const cases: Case[] = child.status === 0 ? JSON.parse(child.stdout) : [];
  const failed = cases.filter(({ error }) => error !== undefined).length;
  const seconds = cases.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  cover(`${cases.length - failed} of ${cases.length} cases, ${seconds.toFixed(1)} s`);
  describe(`the gpu backend, ${backend}`, () => {
    it("runs", () => {
      expect(child.status, child.stderr).toBe(0);
      for (const name of gpuKernels) {
        expect(cases.filter((found) => found.name.startsWith(`generic > ${name} > `)).length).toBeGreaterThanOrEqual(3);
      }
      expect(cases.filter(({ name }) => !name.startsWith("generic > ")).length).toBeGreaterThanOrEqual(own);
    });
    for (const { name, error } of cases) it(name, () => expect(error).toBeUndefined());
  });
}
