/** The commands on a tiny model: what they print, under the names that scripts rely on. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { writeTinyModel } from "../support/tiny-model.ts";
import { linesOf, objects, run } from "./run.ts";

const texts = [
  ["a gorgeous , witty film", 1],
  ["not very good", 0],
  ["the movie was dull and bad", 0],
  ["it is the very good film the movie was not , but badly filming", 1],
] as const;
let model: string;
let data: string;

beforeAll(() => {
  model = writeTinyModel();
  data = join(model, "dev.tsv");
  writeFileSync(data, `sentence\tlabel\n${texts.map((row) => row.join("\t")).join("\n")}\n`);
});
afterAll(() => rmSync(model, { recursive: true }));

it("classify prints an object a text, equal to the library's answers", async () => {
  const ran = await run(["classify", "--model", model, "--json", ...texts.map(([text]) => text)]);
  expect([ran.code, ran.err]).toEqual([0, []]);
  const loaded = await loadModel(model);
  const answers = await loaded.classify(texts.map(([text]) => text));
  await loaded.dispose();
  for (const [t, line] of objects(ran).entries()) {
    const { label, score, trace } = answers[t];
    expect(line).toMatchObject({
      schemaVersion: 1,
      label,
      score,
      exitLayer: trace.exitLayer,
      rowsPerLayer: trace.attended,
    });
    expect(line.gflops).toBe((2 * trace.macs) / 1e9);
    expect(line.denseGflops).toBe((2 * trace.denseMacs) / 1e9);
    expect(line.ms).toBeGreaterThan(0);
  }
  expect(ran.out).toHaveLength(texts.length);
});

it("classify reads the standard input, a text a line, whatever it holds", async () => {
  const lines = ["good", "", "\ud800 \u0000 🎬", "bad ".repeat(1000)];
  const ran = await run(["classify", "--model", model, "--json"], { lines: () => linesOf(lines) });
  expect(ran.code).toBe(0);
  expect(objects(ran).map((line) => line.truncated)).toEqual([false, false, false, true]);
  expect(ran.err.join()).toContain("cut to the 32 tokens");
});

it("classify says how many tokens it cut a text to, where the tokenizer's files allow fewer than the model", async () => {
  const file = join(model, "tokenizer_config.json");
  writeFileSync(file, JSON.stringify({ model_max_length: 9 }));
  try {
    const ran = await run(["classify", "--model", model, "--json", "--no-skim", "--no-exit", "bad ".repeat(30)]);
    expect(objects(ran)[0].rowsPerLayer).toEqual([9, 9, 9, 9]);
    expect(ran.err.join()).toContain("cut to the 9 tokens");
  } finally {
    rmSync(file);
  }
});

it("the dials reach the model", async () => {
  const rowsWith = async (...dials: string[]) => {
    const ran = await run(["classify", "--model", model, "--json", ...dials, texts[3][0]]);
    expect(ran.code, ran.err.join()).toBe(0);
    return objects(ran)[0] as { rowsPerLayer: number[]; exitLayer: number; gflops: number; denseGflops: number };
  };
  const length = 18;
  const dense = await rowsWith("--no-skim", "--no-exit");
  expect(dense.rowsPerLayer).toEqual([length, length, length, length]);
  expect(dense.gflops).toBe(dense.denseGflops);
  const negative = await rowsWith("--keep-threshold", "-1e30", "--attention-threshold", "0", "--no-exit");
  expect(negative.rowsPerLayer).toEqual(dense.rowsPerLayer);
  expect(negative.gflops).toBeGreaterThan(dense.gflops);
  expect((await rowsWith("--keep-threshold", "1e30", "--no-exit")).rowsPerLayer).toEqual([1, 1, 1, 1]);
  expect((await rowsWith("--no-skim", "--entropy", "1")).exitLayer).toBe(1);
  expect((await rowsWith("--no-skim", "--patience", "3")).exitLayer).toBeGreaterThanOrEqual(3);
  expect((await rowsWith("--no-skim", "--confidence", "0")).exitLayer).toBe(1);
});

it("eval agrees with the library and its ratios with each other", async () => {
  const figuresOf = async (...more: string[]) => {
    const ran = await run(["eval", "--model", model, "--data", data, "--json", ...more]);
    expect(ran.code, ran.err.join()).toBe(0);
    return objects(ran)[0] as Record<string, number>;
  };
  const figures = await figuresOf();
  const names =
    "schemaVersion n accuracy gflops denseGflops speedup paddedSpeedup meanExitLayer meanKept msPerText tokeniseMsPerText";
  expect(Object.keys(figures)).toEqual(expect.arrayContaining(names.split(" ")));
  expect(figures.n).toBe(4);
  const loaded = await loadModel(model);
  const answers = await loaded.classify(texts.map(([text]) => text));
  await loaded.dispose();
  const right = answers.filter(({ label }, t) => label === ["negative", "positive"][texts[t][1]]).length;
  expect(figures.accuracy).toBe(right / 4);
  expect(figures.speedup).toBeCloseTo(figures.denseGflops / figures.gflops, 12);
  expect(figures.paddedSpeedup).toBeGreaterThan(figures.speedup);

  const { msPerText, tokeniseMsPerText, environment, ...counted } = figures;
  expect(msPerText + tokeniseMsPerText).toBeGreaterThan(0);
  expect(await figuresOf("--batch", "3")).toMatchObject(counted);
  expect(environment).toMatchObject({ node: process.versions.node });
  expect(await figuresOf("--no-skim", "--no-exit")).toMatchObject({ speedup: 1, meanKept: 1, meanExitLayer: 4 });
  expect((await figuresOf("--limit", "2")).n).toBe(2);
});

it("eval --time puts dense and narrowed milliseconds side by side", async () => {
  const ran = await run(["eval", "--model", model, "--data", data, "--json", "--time", "--runs", "2"]);
  const { timed, speedup } = objects(ran)[0] as { timed: Record<string, number>; speedup: number };
  expect(timed.realised).toBeCloseTo(timed.denseMsPerText / timed.msPerText, 12);
  expect(timed.realisedOfCounted).toBeCloseTo(timed.realised / speedup, 12);
});

it("eval --against compares text by text, on the backend asked for", async () => {
  const against = ["--against", model, "--backend", "scalar", "--json"];
  const figuresOf = async (...dials: string[]) => {
    const [figures] = objects(await run(["eval", "--model", model, "--data", data, ...against, ...dials]));
    return figures as { accuracy: number; against: Record<string, number> };
  };
  const same = await figuresOf("--no-skim", "--no-exit");
  const nothing = { difference: 0, low: 0, high: 0, largestLogitDifference: 0 };
  expect(same.against).toEqual({ accuracy: same.accuracy, agreement: 1, ...nothing });
  const narrowed = await figuresOf();
  expect(narrowed.against.accuracy).toBe(same.accuracy);
  expect(narrowed.against.difference).toBeCloseTo(narrowed.accuracy - same.accuracy, 12);
});

it("flops knows BERT-base by heart and a model by its directory", async () => {
  const base = objects(await run(["flops", "--shape", "base", "--tokens", "128", "--json"]))[0];
  expect(base.encoder).toEqual({ macs: 11_173_625_856, flops: 22_347_251_712 });
  expect(base.layers).toHaveLength(12);
  const listed = objects(await run(["flops", "--shape", "12,768,12,3072", "--json"]))[0];
  expect({ ...listed, model: "base" }).toEqual(base);
  const own = objects(await run(["flops", "--model", model, "--tokens", "16", "--json"]))[0];
  expect(own).toMatchObject({ shape: { layers: 4, d: 24, h: 2, f: 40 }, predictorWidth: 6, tokens: 16 });
  expect((own.overhead as { macs: number }).macs).toBe(4 * 16 * (24 * 6 + 12) + 3 * (24 * 24 + 48));
});

it("info says what computes here, why, and what a model has", async () => {
  const [here] = objects(await run(["info", "--json", "--model", model]));
  expect(here).toMatchObject({ backend: "wasm", threads: 1, schemaVersion: 1 });
  expect(here.variant).toBeTypeOf("string");
  expect(here.why).toMatch(/WebAssembly/);
  expect(here.model).toMatchObject({
    shape: { layers: 4, d: 24 },
    parts: { predictorWidth: 6, exitHeads: true },
    dials: { exit: { entropy: 0.9 } },
  });
  const [scalar] = objects(await run(["info", "--json", "--backend", "scalar"]));
  expect(scalar).toMatchObject({ backend: "scalar", why: "asked for by name", threads: 1 });
  const [most] = objects(await run(["info", "--json", "--threads", "10000"]));
  expect(most.threads).toBeGreaterThanOrEqual(1);
  expect(most.threadsWhy).toMatch(/^10000 asked for; this machine has/);
});

it("bench gflops adds up a model's layers", async () => {
  const [report] = objects(await run(["bench", "gflops", "--model", model, "--data", data, "--json"]));
  const [figures] = objects(await run(["eval", "--model", model, "--data", data, "--json"]));
  expect(report).toMatchObject({ n: 4, basis: "executed", speedup: figures.speedup });
  expect(report.paddedSpeedup).toBe(figures.paddedSpeedup);
  const layers = report.layers as Record<string, number>[];
  expect(layers).toHaveLength(4);
  expect(layers.reduce((sum, layer) => sum + layer.answered, 0)).toBe(4);
  const parts = Object.values(report.parts as Record<string, Record<string, number>>);
  const sumOf = (side: string) => parts.reduce((sum, part) => sum + part[side], 0);
  expect(sumOf("gflops")).toBeCloseTo(report.gflops as number, 12);
  expect(sumOf("denseGflops")).toBeCloseTo(report.denseGflops as number, 12);
  expect(report).toMatchObject({ verified: true, unit: "10⁹; 1 MAC = 2 FLOPs; products only" });
});

it("bench gflops counts a shape by its schedule", async () => {
  const shape = ["bench", "gflops", "--shape", "base", "--tokens", "51", "--json"];
  expect(objects(await run(shape))[0]).toMatchObject({ speedup: 1, basis: "formula and schedule" });
  const [half] = objects(await run([...shape, "--skim-schedule", "0.5"]));
  expect(half.speedup).toBeGreaterThan(1.9);
  const [withPredictors] = objects(await run([...shape, "--skim-schedule", "0.5", "--predictor-width", "768"]));
  expect(withPredictors.speedup).toBeLessThan(half.speedup as number);
});

it("bench takes a shape's words from a tokenizer", async () => {
  const shape = ["bench", "gflops", "--shape", "tiny", "--data", data, "--tokenizer", model, "--json"];
  expect(objects(await run(shape))[0]).toMatchObject({ n: 4, tokens: 7 + 5 + 8 + 18 });
});

it("tour draws each text and measures it against dense", async () => {
  const ran = await run(["tour", "--model", model, "A gorgeous film."]);
  expect(ran.code).toBe(0);
  const drawn = ran.out.join("\n");
  expect(drawn).toMatch(/^(positive|negative), \d+\.\d %\nlayer {2}rows\n {4}1/);
  expect(drawn).toMatch(/GFLOPs .* dense: .*×/);
  expect(drawn).toMatch(/ms .* dense: .*×/);
  expect(drawn).not.toContain("\u001b");
  const coloured = await run(["tour", "--model", model, "--keep-threshold", "1e30", "film"], { colours: true });
  expect(coloured.out.join("")).toContain("\u001b[90m····\u001b[39m");
});

it("tour --json has the words and the layers that they saw", async () => {
  const [line] = objects(await run(["tour", "--model", model, "--json", "--keep-threshold", "1e30", "a good film"]));
  expect(line.words).toEqual(
    [
      { text: "a", start: 0, end: 1 },
      { text: "good", start: 2, end: 6 },
      { text: "film", start: 7, end: 11 },
    ].map((word, i) => ({ ...word, part: 0, spaced: i > 0, layers: 0 })),
  );
  expect(line.denseMs).toBeGreaterThan(0);
});

it("every command prints for people, too", async () => {
  for (const argv of [
    ["classify", "--model", model, "good"],
    ["eval", "--model", model, "--data", data, "--time", "--runs", "1"],
    ["flops", "--model", model, "--tokens", "9"],
    ["info", "--model", model],
    ["bench", "gflops", "--model", model, "--data", data],
  ]) {
    const { code, out, err } = await run(argv);
    expect(code, err.join()).toBe(0);
    expect(out.length).toBeGreaterThan(0);
    expect(out.join("\n")).not.toMatch(/NaN|undefined|Infinity/);
  }
});
