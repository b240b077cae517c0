/**
 * Threads in a real browser, under a strict Content-Security-Policy: on a page that is cross-origin isolated, and on one that is not.
 * Skipped where there is no browser, with the reason printed; REQUIRE_BACKENDS=webgl2, which asks for one, makes that a failure.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const UNAVAILABLE = 77;
const script = fileURLToPath(new URL("threads.mjs", import.meta.url));

it("shares operations where the page is isolated, and says why not elsewhere", async ({ skip }) => {
  const { status, stdout, stderr } = await new Promise<{ status: unknown; stdout: string; stderr: string }>(
    (resolve) => {
      execFile(process.execPath, [script], { timeout: 50_000 }, (error, stdout, stderr) => {
        resolve({ status: error ? (error.code ?? error.message) : 0, stdout, stderr });
      });
    },
  );
  if (status === UNAVAILABLE && !(process.env.REQUIRE_BACKENDS ?? "").split(",").includes("webgl2")) {
    console.log(`threads in a browser skipped: ${stderr.trim()}`);
    skip(stderr.trim());
  }
  expect(status, stderr).toBe(0);
  const [isolated, plain] = JSON.parse(stdout);
  expect(plain).toMatchObject({ isolated: false, threads: { count: 1 } });
  expect(plain.threads.why).toMatch(/not cross-origin isolated.*Cross-Origin-Opener-Policy/);
  expect(isolated.isolated).toBe(true);
  // A browser on one core gives one thread.
  expect(isolated.threads.count).toBeLessThanOrEqual(2);
  expect(isolated.many).toEqual(plain.one);
});
