/** The benches of milliseconds on a tiny model: their shape, their arithmetic and their refusals; never how long anything takes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { built } from "../support/built.ts";
import { writeTinyModel } from "../support/tiny-model.ts";
import { objects, run } from "./run.ts";

const texts = [
  "a gorgeous , witty film\t1",
  "not very good\t0",
  "the movie was dull and bad\t0",
  "it is the very good film\t1",
];
let model: string;
let data: string;
let place: string;

beforeAll(() => {
  model = writeTinyModel();
  place = mkdtempSync(join(tmpdir(), "taper-bench-"));
  data = join(model, "dev.tsv");
  writeFileSync(data, `sentence\tlabel\n${texts.join("\n")}\n`);
});
afterAll(() => {
  rmSync(model, { recursive: true });
  rmSync(place, { recursive: true });
});

interface Row {
  name: string;
  counted: number;
  realised: number;
  realisedFraction: number;
  accuracy?: number;
  agreement?: number;
  calibrationError?: number;
  gflops: number;
  latency: {
    queries: number;
    ms: Record<string, number>;
    mean: number;
    tokeniseMs: number;
    forwardMs: number;
    textMs: number[];
  };
}

const quick = ["--runs", "2", "--seconds", "0.6", "--cold-starts", "0"];

async function latencyOf(...argv: string[]): Promise<Record<string, unknown> & { ablation: Row[] }> {
  const ran = await run(["bench", "latency", ...argv, "--json"]);
  expect(ran.code, ran.err.join()).toBe(0);
  return objects(ran)[0] as Record<string, unknown> & { ablation: Row[] };
}

describe("bench latency", () => {
  it("has a row for each saving, whose ratios agree with each other", async () => {
    // Long enough that a pause of the machine leaves no text out.
    const report = await latencyOf("--model", model, "--data", data, ...quick, "--seconds", "4");
    expect(report).toMatchObject({ kind: "latency", texts: 4, timedTexts: 4, runs: 2, tokenised: true });
    const rows = Object.fromEntries(report.ablation.map((row) => [row.name, row]));
    expect(Object.keys(rows)).toEqual(["dense-padded", "dense", "skim", "exit", "both", "worst"]);
    for (const { counted, realised, realisedFraction, latency } of report.ablation) {
      expect(realisedFraction).toBeCloseTo(realised / counted, 12);
      expect(latency.queries).toBe(8);
      expect(Object.keys(latency.ms)).toEqual(["p50"]);
      expect(latency.tokeniseMs + latency.forwardMs).toBeCloseTo(latency.mean, 9);
    }
    expect(rows.dense).toMatchObject({ counted: 1, realised: 1, agreement: 1 });
    expect(rows["dense-padded"].counted).toBeLessThan(1);
    expect(rows.worst.counted).toBeLessThan(1);
    expect(rows.both.counted).toBeGreaterThan(1);
    expect(rows["dense-padded"].accuracy).toBe(rows.dense.accuracy);
    expect(rows.both.calibrationError).toBeGreaterThanOrEqual(0);
    const [eval_] = objects(await run(["eval", "--model", model, "--data", data, "--json"]));
    expect(rows.both.accuracy).toBe(eval_.accuracy);
    expect(rows.both.gflops).toBeCloseTo(eval_.gflops as number, 12);
    expect(rows.both.counted).toBeCloseTo(eval_.speedup as number, 12);
  });

  it("says where it was taken", async () => {
    const { fingerprint, offline } = await latencyOf("--model", model, "--data", data, ...quick);
    expect(fingerprint).toMatchObject({ backend: "wasm", weights: "trained", node: process.versions.node });
    const { modelHash, load, timingLoop, threads } = fingerprint as Record<string, Record<string, number>>;
    expect(modelHash).toMatch(/^[0-9a-f]{16}$/);
    expect(Object.keys(load)).toEqual(["before", "after"]);
    expect(timingLoop.ms).toBeGreaterThan(0);
    expect(threads.count).toBeGreaterThanOrEqual(1);
    const batches = (offline as { way: string; batch: number }[]).map(({ way, batch }) => `${way} ${batch}`);
    expect(batches).toEqual(["dense 1", "dense 2", "dense 4", "narrowed 1", "narrowed 2", "narrowed 4"]);
  });

  it("starts a fresh process and times its parts", async () => {
    built("bench-child.js");
    const argv = ["--model", model, "--data", data, "--runs", "1", "--seconds", "0.4", "--cold-starts", "1"];
    const { coldStart } = await latencyOf(...argv);
    expect(coldStart).toMatchObject({ processes: 1 });
    const { coldMs, importMs, loadMs, firstMs, peakBytes } = coldStart as Record<string, number>;
    expect(coldMs).toBeGreaterThan(importMs + loadMs + firstMs);
    expect(peakBytes).toBeGreaterThan(2 ** 20);
  });

  it("without labels has agreement and no accuracy", async () => {
    const plain = join(place, "plain.txt");
    writeFileSync(plain, "a good film\nnot good\n");
    const { ablation } = await latencyOf("--model", model, "--data", plain, ...quick);
    for (const row of ablation) {
      expect(row.accuracy).toBeUndefined();
      expect(row.agreement).toBeGreaterThanOrEqual(0);
    }
  });

  it("a shape skims by its schedule and says so", async () => {
    const shape = ["--shape", "2,16,2,32", "--tokens", "8", ...quick];
    const narrowing = ["--predictor-width", "4", "--exit-heads", "--skim-schedule", "0.5"];
    const report = await latencyOf(...shape, ...narrowing);
    expect(report.note).toMatch(/no checkpoint: skims by schedule, not by decisions: layers attend to 0.5, 0.5/);
    expect(report.ablation.map(({ name }) => name)).toEqual(["dense-padded", "dense", "scheduled", "worst"]);
    for (const row of report.ablation) expect([row.accuracy, row.agreement]).toEqual([undefined, undefined]);
    const ran = await run(["bench", "latency", ...shape, ...narrowing]);
    expect(ran.out.join("\n")).toContain("only the milliseconds mean anything");
    expect(ran.out.join("\n")).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("has a row for every peer, and a reason where it was not timed", async () => {
    const names = ["onnxruntime-node", "onnxruntime-web", "tfjs-wasm", "jax-js", "@huggingface/transformers"];
    const { peers } = await latencyOf("--model", model, "--data", data, ...quick);
    expect(peers).toEqual(names.map((name) => ({ name, absent: expect.stringContaining("not timed") })));
    const pairs = join(place, "pairs.tsv");
    writeFileSync(pairs, "sentence1\tsentence2\na film\tnot good\n");
    const unfit = await latencyOf("--model", model, "--data", pairs, "--peers", ...quick);
    expect((unfit.peers as { absent: string }[])[0].absent).toBe("not timed: peers take single texts");
  });

  it("refuses a file where only some rows have a usable label", async () => {
    const bad = join(place, "bad.jsonl");
    writeFileSync(bad, '{"text":"a film","label":1}\n{"text":"a movie"}\n');
    const ran = await run(["bench", "latency", "--model", model, "--data", bad, ...quick]);
    expect(ran.code).toBe(1);
    expect(ran.err.join()).toMatch(/row 2: expected a label from 0 to 1 \(negative, positive\); found none/);
  });
});

describe("bench compare", () => {
  const dist = () => dirname(built("bench-child.js"));
  const few = ["--pairs", "3", "--seconds", "0.1"];

  /** A build whose every forward takes five times as long, and at least 5 ms: longer than what holds up a quick one. */
  function slowBuild(): string {
    const directory = join(place, "slow");
    mkdirSync(directory, { recursive: true });
    const index = `
      import * as real from ${JSON.stringify(join(dist(), "index.js"))};
      export async function loadModel(...args) {
        const model = await real.loadModel(...args);
        const forward = model.forward.bind(model);
        model.forward = async (...rest) => {
          const start = performance.now();
          const result = await forward(...rest);
          const until = performance.now() + Math.max(5, 4 * (performance.now() - start));
          while (performance.now() < until);
          return result;
        };
        return model;
      }`;
    writeFileSync(join(directory, "index.js"), index);
    return directory;
  }

  it("exits with 3 for a build that is much slower, and counts the same work", async () => {
    const ran = await run(["bench", "compare", dist(), slowBuild(), "--model", model, "--json", ...few]);
    expect(ran.code, ran.err.join()).toBe(3);
    const [found] = objects(ran) as {
      regression: boolean;
      changes: Record<string, unknown>[];
      work: Record<string, unknown>;
    }[];
    expect(found.regression).toBe(true);
    expect(found.changes.find(({ what }) => what === "dense")?.verdict).toBe("slower");
    for (const work of Object.values(found.work) as Record<string, number>[]) {
      expect(work.aMacs).toBe(work.bMacs);
      expect(work.agreement).toBe(1);
    }
  });

  it("compares two models, and a faster one is no regression", async () => {
    // Token ids, not characters: microseconds of tokenising, alike in both builds, would now and then be called slower.
    const ran = await run(["bench", "compare", slowBuild(), dist(), "--model", model, "--tokens", "8", ...few]);
    expect(ran.code, ran.err.join()).toBe(0);
    expect(ran.out.join("\n")).toContain("B is faster: dense");
    const models = await run([
      "bench",
      "compare",
      model,
      model,
      "--json",
      "--pairs",
      "2",
      "--seconds",
      "0.1",
      "--data",
      data,
    ]);
    expect(objects(models)[0]).toMatchObject({ kind: "model", pairs: 2 });
  });

  it("compares reports after dividing each by its own timing loop", async () => {
    const report = await latencyOf("--model", model, "--data", data, ...quick);
    const loops = report.fingerprint as { timingLoop: { ms: number; spread: number } };
    loops.timingLoop.spread = 0;
    const write = (name: string, factor: number, machine: number): string => {
      const file = join(place, name);
      const ablation = report.ablation.map((row) => {
        return { ...row, latency: { ...row.latency, textMs: row.latency.textMs.map((ms) => ms * factor) } };
      });
      const timingLoop = { ...loops.timingLoop, ms: loops.timingLoop.ms * machine };
      writeFileSync(file, JSON.stringify({ ...report, ablation, fingerprint: { ...loops, timingLoop } }));
      return file;
    };
    const before = write("before.json", 1, 1);
    const compared = async (after: string) => {
      const ran = await run(["bench", "compare", before, after, "--json"]);
      const [{ changes }] = objects(ran) as { changes: { ratio: number }[] }[];
      return { code: ran.code, ratio: changes[0].ratio };
    };
    expect(await compared(before)).toEqual({ code: 0, ratio: 1 });
    expect((await compared(write("slower.json", 1.3, 1))).code).toBe(3);
    const slowMachine = await compared(write("machine.json", 1.3, 1.3));
    expect(slowMachine.code).toBe(0);
    expect(slowMachine.ratio).toBeCloseTo(1, 9);
  });

  it.each([
    [["one"], 2, /needs two builds, models or reports, found 1/],
    [["/nowhere", "/nowhere"], 1, /\/nowhere: expected a build .*, a model .* or a report .*; found nothing there/],
  ])("refuses %j", async (argv, code, message) => {
    const ran = await run(["bench", "compare", ...argv]);
    expect(ran.code).toBe(code);
    expect(ran.err.join()).toMatch(message);
  });

  it("refuses two of different kinds, other JSON, and what is no model", async () => {
    const mixed = await run(["bench", "compare", dist(), model]);
    expect(mixed.err.join()).toMatch(/expected two of a kind; .* is a build, .* a model/);
    const other = join(place, "other.json");
    writeFileSync(other, '{"kind":"something"}');
    const json = await run(["bench", "compare", other, other]);
    expect(json.err.join()).toMatch(/other.json: expected what taperbert bench latency --json prints/);
    const missing = await run(["bench", "compare", dist(), dist(), "--model", "/nowhere"]);
    expect(missing.code).toBe(1);
    expect(missing.err.join()).toContain("/nowhere");
  });
});

describe("bench report", () => {
  it("writes a page of a real run, and again from its JSON", async () => {
    const out = join(place, "report.html");
    const measured = await run(["bench", "report", "--model", model, "--data", data, "--json", ...quick]);
    expect(measured.code, measured.err.join()).toBe(0);
    const [report] = objects(measured);
    expect(report).toMatchObject({ kind: "report", layers: 4 });
    expect((report.sweep as unknown[]).length).toBeGreaterThan(10);
    const file = join(place, "report.json");
    writeFileSync(file, measured.out[0]);
    const drawn = await run(["bench", "report", "--from", file, "--out", out]);
    expect([drawn.code, drawn.out]).toEqual([0, [out]]);
    const page = readFileSync(out, "utf8");
    expect(page).toContain("+ skim + exit");
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("draws a shape without answers", async () => {
    const out = join(place, "shape.html");
    const ran = await run([
      "bench",
      "report",
      "--shape",
      "2,16,2,32",
      "--tokens",
      "8",
      "--skim-schedule",
      "0.5",
      "--out",
      out,
      ...quick,
    ]);
    expect(ran.code, ran.err.join()).toBe(0);
    const page = readFileSync(out, "utf8");
    expect(page).toContain("skims by schedule");
    expect(page).not.toMatch(/NaN|undefined|Infinity|>accuracy</);
  });

  it("refuses what it cannot draw", async () => {
    const other = join(place, "no-report.json");
    writeFileSync(other, "{}");
    const ran = await run(["bench", "report", "--from", other]);
    expect(ran.err.join()).toMatch(/no-report.json: expected what taperbert bench report --json prints/);
  });
});
