/**
 * Reports, one by one, the cases that ran in a child process: exit 0 ran (JSON on stdout), 77 the mode is not to be had here, with the
 * reason on stderr, which is printed; REQUIRE_BACKENDS=MODE makes that a failure. Every mode adds its row to the GPU COVERAGE table.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cover } from "./coverage.ts";
import { gpuKernels } from "./kernels.ts";
import { traps } from "./traps.ts";

interface Case {
  name: string;
  ms: number;
  notes: string[];
  error?: string;
}

const UNAVAILABLE = 77;

/** `backend` is the mode's name in REQUIRE_BACKENDS. */
export async function reportChild(backend: string, script: string, args: readonly string[]): Promise<void> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = await new Promise<{ status: number | string; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [path, ...args], { timeout: 600_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
    });
  });
  const required = (process.env.REQUIRE_BACKENDS ?? "").split(",").includes(backend);
  const reason = child.stderr.trim().split("\n").at(-1) ?? "";

  if (child.status === UNAVAILABLE && !required) {
    cover(backend, `skipped: ${reason} (REQUIRE_BACKENDS=${backend} makes this a failure)`);
    describe.skip(`${backend}: ${reason}`, () => it("runs", () => {}));
    return;
  }
  const cases: Case[] = child.status === 0 ? JSON.parse(child.stdout) : [];
  const failed = cases.filter(({ error }) => error !== undefined).length;
  const seconds = cases.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  const verdict = child.status === 0 ? `${cases.length - failed} of ${cases.length} cases` : `failed: ${reason}`;
  cover(
    backend,
    `${verdict}, ${seconds.toFixed(1)} s`,
    cases.flatMap(({ notes }) => notes),
  );
  describe(`the gpu backend, ${backend}`, () => {
    it("runs", () => {
      expect(child.status, child.stderr).toBe(0);
      for (const name of gpuKernels) {
        expect(cases.filter((found) => found.name.startsWith(`generic > ${name} > `)).length).toBeGreaterThanOrEqual(3);
      }
      for (const { trap, cases: names, webGl } of traps) {
        if (webGl && backend.startsWith("webgpu")) continue;
        for (const name of names) {
          expect(
            cases.filter((found) => found.name.includes(` > ${name}`)),
            trap,
          ).not.toHaveLength(0);
        }
      }
    });
    for (const { name, error } of cases) it(name, () => expect(error).toBeUndefined());
  });
}
