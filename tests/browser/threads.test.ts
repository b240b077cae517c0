/** Threads in a real browser, under a strict Content-Security-Policy: on a page that is cross-origin isolated, and on one that is not. */
import { expect, it } from "vitest";
import { reportsOf } from "./run.ts";

interface Report {
  readonly isolated: boolean;
  readonly threads: { readonly count: number; readonly why: string };
  readonly one: number[][];
  readonly many: number[][];
}

it("shares operations where the page is isolated, and says why not elsewhere", { timeout: 120_000 }, async ({
  skip,
}) => {
  const [isolated, plain] = (await reportsOf("threads.mjs", skip)) as Report[];
  expect(plain).toMatchObject({ isolated: false, threads: { count: 1 } });
  expect(plain.threads.why).toMatch(/not cross-origin isolated.*Cross-Origin-Opener-Policy/);
  expect(isolated.isolated).toBe(true);
  // A browser on one core gives one thread.
  expect(isolated.threads.count).toBeLessThanOrEqual(2);
  expect(isolated.many).toEqual(plain.one);
});
