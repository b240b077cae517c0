/** classify --jsonl and --explain: order, bad lines, workers, back-pressure, interrupts. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { JsonlCrew } from "../../cli/jsonl-crew.ts";
import { built } from "../support/built.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";
import { linesOf, objects, run } from "./run.ts";

let model: string;
beforeAll(() => {
  model = writeTinyModel();
});
afterAll(() => rmSync(model, { recursive: true }));

const input = [
  '"a good film"',
  '{"text":"bad","id":"x-7"}',
  "not json",
  '{"text":"good","text_pair":"dull film"}',
  "[1]",
  "",
  '{"text":5}',
  ...Array.from({ length: 100 }, (_, i) => JSON.stringify({ text: "a good film ".repeat(1 + (i % 5)), id: i })),
];

it("an object a line, in order, a bad line an error with its number", async () => {
  const ran = await run(["classify", "--model", model, "--jsonl"], { lines: () => linesOf(input) });
  expect([ran.code, ran.err]).toEqual([1, ["taperbert: 4 of 107 lines could not be answered; each says why"]]);
  const answers = objects(ran);
  expect(answers.map(({ line }) => line)).toEqual(input.map((_, i) => i + 1));
  const bad = answers.filter(({ error }) => error !== undefined);
  expect(bad.map(({ line }) => line)).toEqual([3, 5, 6, 7]);
  for (const { error } of bad)
    expect(error).toEqual({ code: "ERR_DATA", message: expect.stringContaining("expected") });
  expect(answers[1]).toMatchObject({
    id: "x-7",
    label: expect.stringMatching(/itive|ative/),
    exitLayer: expect.any(Number),
  });
  expect(answers.slice(7).map(({ id }) => id)).toEqual([...Array(100).keys()]);
  const [alone] = objects(await run(["classify", "--model", model, "--json", "a good film"]));
  expect(answers[0]).toMatchObject({ label: alone.label, score: alone.score });
});

it("reads no further than its reader, and stops reading at an interrupt", async () => {
  let read = 0;
  let stop = (): void => undefined;
  async function* endless(): AsyncGenerator<string> {
    for (;;) {
      read++;
      yield '"good"';
    }
  }
  let drains = 0;
  const ran = await run(["classify", "--model", model, "--jsonl"], {
    lines: endless,
    onInterrupt: (given) => {
      stop = given;
      return () => undefined;
    },
    drained: async () => {
      if (++drains === 3) stop();
    },
  });
  expect(ran.code).toBe(130);
  expect(ran.out.length).toBeGreaterThan(60);
  // What was read is answered, but for the line that was on its way.
  expect(read - ran.out.length).toBeLessThanOrEqual(1);
  expect(read).toBeLessThan(300);
});

it("workers give the same lines in the same order", async () => {
  const alone = await run(["classify", "--model", model, "--jsonl"], { lines: () => linesOf(input) });
  const together = await run(["classify", "--model", model, "--jsonl", "--workers", "2"], {
    lines: () => linesOf(input),
  });
  expect(together).toEqual(alone);
});

it("starts no more workers than there are processors, and says so", async () => {
  const many = await run(["classify", "--model", model, "--jsonl", "--workers", "1000"], {
    lines: () => linesOf(['"good"']),
  });
  expect([many.code, many.out.length]).toEqual([0, 1]);
  expect(many.err.join()).toMatch(/^taperbert: \d+ workers, as many as this machine has processors$/);
  const training = await run(["train", "--config", "x.json", "--out", "x", "--workers", "1000"]);
  expect([training.code, training.err.join()]).toEqual([2, expect.stringContaining("a whole number from 1 to 64")]);
});

it("a worker that is killed is an error, and one that cannot start says why", async () => {
  const crew = await JsonlCrew.start(2, { directory: model, values: {}, dials: {} });
  expect(await crew.answer([{ line: 1, json: '"good"' }])).toMatchObject({ lines: [expect.any(String)], errors: 0 });
  // So many that no worker is through with them before it is killed.
  const waiting = crew.answer(Array.from({ length: 20_000 }, (_, i) => ({ line: i + 1, json: '"good"' })));
  const killed = Promise.all([refused(waiting, "ERR_BACKEND", "worker 1 of 2"), crew.kill(0)]);
  await killed;
  await refused(crew.answer([]), "ERR_BACKEND", "worker 1 of 2");
  await crew.end();
  const failed = await run(["classify", "--model", "/nowhere", "--jsonl", "--workers", "2"]);
  expect([failed.code, failed.err.join()]).toEqual([1, expect.stringContaining("/nowhere")]);
});

it("refuses what does not go together", async () => {
  for (const argv of [
    ["--workers", "2"],
    ["--jsonl", "good"],
    ["--jsonl", "--explain"],
    ["--jsonl", "--workers", "0"],
  ]) {
    expect((await run(["classify", "--model", model, ...argv])).code, argv.join(" ")).toBe(2);
  }
});

it("the process answers what it has read when it is interrupted", async () => {
  const child = spawn(built("taperbert.js"), ["classify", "--model", model, "--jsonl"]);
  let out = "";
  const answered = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk) => {
      out += chunk;
      if (out.split("\n").length > 5) resolve();
    });
  });
  // The input stays open: only the interrupt ends it.
  child.stdin.write('"good"\n'.repeat(5));
  await answered;
  const ended = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGINT");
  // A process that did not end would outlive a test that failed.
  const killer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const code = await ended;
  clearTimeout(killer);
  expect(code).toBe(130);
  expect(
    out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).line),
  ).toEqual([1, 2, 3, 4, 5]);
});

it("--explain draws the text and says where and how surely it was answered", async () => {
  const text = "A good film, but dull.";
  const drawn = (await run(["classify", "--model", model, "--explain", text])).out.join("\n");
  expect(drawn).toMatch(/layer {2}rows[\s\S]*normalised entropy of [\s\S]*GFLOPs [\s\S]*ms/);
  const [json] = objects(await run(["classify", "--model", model, "--explain", "--json", text]));
  expect(json).toMatchObject({ entropy: expect.any(Number), words: expect.any(Array), exitLayer: expect.any(Number) });
});
