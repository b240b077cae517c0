/** A pipeline on a real page: its model is in a worker, the page goes on drawing, and nothing else is different. */
import { expect, it } from "vitest";
import { reportsOf } from "./run.ts";

interface Side {
  readonly answers: { readonly label: string; readonly score: number }[];
  readonly frames: number;
  readonly model: string;
}

it("leaves the page its thread, with the same answers, errors and aborts", { timeout: 120_000 }, async ({ skip }) => {
  const [{ away, here, missing, abort }, { failure }] = (await reportsOf("pipeline.mjs", skip)) as [
    { away: Side; here: Side; missing: string; abort: object },
    { failure: string },
  ];
  expect(away.answers).toHaveLength(400);
  expect(away.answers).toEqual(here.answers);
  // On its own thread a page draws nothing while it computes, for as long as many frames are.
  expect(here.frames).toBeLessThanOrEqual(3);
  expect(away.frames).toBeGreaterThan(3 + 2 * here.frames);
  expect(failure).toMatch(/^ERR_BACKEND: .*could not be loaded.*pipeline-worker.js.*worker: false/);
  expect(away.model).toMatch(/^ERR_OPTION: .*worker: false.* ERR_DISPOSED/);
  expect(here.model).toMatch(/^on the page ERR_DISPOSED/);
  expect(missing).toMatch(/^ERR_FILE: .*nowhere\/config.json/);
  expect(abort).toMatchObject({ reason: "enough", next: "positive", info: { backend: "wasm", threads: 1 } });
  expect((abort as { share: number }).share).toBeLessThan(0.6);
});
