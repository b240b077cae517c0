/** Runs a script of this folder that prints what its pages report. Skips where there is no browser, unless REQUIRE_BACKENDS wants one. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

const UNAVAILABLE = 77;

export async function reportsOf(name: string, skip: (reason: string) => void): Promise<unknown> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const { status, stdout, stderr } = await new Promise<{ status: unknown; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(process.execPath, [script], { timeout: 110_000 }, (error, stdout, stderr) => {
        resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
      });
    },
  );
  if (status === UNAVAILABLE && !(process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2")) {
    console.log(`${name} skipped: ${stderr.trim()}`);
    skip(stderr.trim());
  }
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}
