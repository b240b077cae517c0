/** 8 bits on the command line: quantize, --dtype, and how far the answers are from float32. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeTinyModel } from "../support/tiny-model.ts";
import { objects, run } from "./run.ts";

let model: string;
let integers: string;
let data: string;

beforeAll(() => {
  model = writeTinyModel();
  integers = join(model, "int8");
  data = join(model, "dev.tsv");
  writeFileSync(data, "sentence\tlabel\na gorgeous witty film\t1\nnot very good\t0\nthe movie was dull\t0\n");
});
afterAll(() => rmSync(model, { recursive: true }));

it("quantize writes a directory that info knows and classify runs", async () => {
  const [figures] = objects(await run(["quantize", "--model", model, "--out", integers, "--json"]));
  expect(figures).toMatchObject({ directory: integers, tensors: 24 });
  expect(figures.after).toBe(readFileSync(join(integers, "model.safetensors")).length);
  expect(figures.after).toBeLessThan(figures.before as number);
  expect(existsSync(join(integers, "vocab.txt"))).toBe(true);
  const stored = JSON.parse(readFileSync(join(model, "taperbert.json"), "utf8"));
  const written = JSON.parse(readFileSync(join(integers, "taperbert.json"), "utf8"));
  expect(written).toEqual({ ...stored, quantization: { dtype: "int8" } });

  const [told] = objects(await run(["info", "--model", integers, "--json"]));
  expect(told.model).toMatchObject({ dtype: "int8", stored: "int8" });
  const words = await run(["info", "--model", integers]);
  expect(words.out).toContainEqual(expect.stringMatching(/^dtype +int8, stored so$/));
  const [asked] = objects(await run(["info", "--model", model, "--dtype", "int8", "--json"]));
  expect(asked.model).toMatchObject({ dtype: "int8", stored: "f32" });
  expect((await run(["classify", "--model", integers, "good"])).code).toBe(0);
});

it("eval says how far 8 bits are from float32, and 0 from themselves", async () => {
  const against = async (...argv: string[]) => {
    const common = ["--data", data, "--no-skim", "--no-exit", "--json", "--against", model];
    const [figures] = objects(await run(["eval", ...common, ...argv]));
    return figures.against as { agreement: number; largestLogitDifference: number };
  };
  const apart = await against("--model", model, "--dtype", "int8", "--against-dtype", "f32");
  expect(apart.largestLogitDifference).toBeGreaterThan(0);
  const same = await against("--model", model, "--dtype", "int8", "--against-dials");
  expect([same.agreement, same.largestLogitDifference]).toEqual([1, 0]);
});

it("bench latency times a shape in 8 bits", async () => {
  const shape = ["--shape", "tiny", "--tokens", "8", "--runs", "1", "--seconds", "0.1", "--cold-starts", "0"];
  const [figures] = objects(await run(["bench", "latency", ...shape, "--dtype", "int8", "--json"]));
  expect(figures.fingerprint).toMatchObject({ dtype: "int8", weights: "random" });
});

it("what was certified of a model in floats is not claimed of its copy in 8 bits", async () => {
  const file = join(model, "taperbert.json");
  const before = readFileSync(file, "utf8");
  const certificate = {
    maxDrop: 0.01,
    delta: 0.1,
    loss: "disagreement",
    texts: 500,
    errors: 0,
    bound: 0.005,
    speedup: 2,
  };
  writeFileSync(file, JSON.stringify({ ...JSON.parse(before), certificate }));
  const out = join(model, "uncertified");
  expect((await run(["quantize", "--model", model, "--out", out])).code).toBe(0);
  const written = JSON.parse(readFileSync(join(out, "taperbert.json"), "utf8"));
  expect(written).toEqual({ ...JSON.parse(before), quantization: { dtype: "int8" } });
  writeFileSync(file, before);
});

it("refuses what cannot be", async () => {
  const refused = async (code: number, argv: readonly string[], ...parts: string[]): Promise<void> => {
    const ran = await run(argv);
    expect([ran.code, ran.out]).toEqual([code, []]);
    for (const part of parts) expect(ran.err.join()).toContain(part);
  };
  await refused(2, ["classify", "--model", model, "--dtype", "int4", "good"], "--dtype", '"f32" or "int8"', '"int4"');
  await refused(2, ["bench", "latency", "--shape", "tiny", "--tokens", "8", "--dtype", "q8"], "--dtype", '"q8"');
  await refused(2, ["eval", "--model", model, "--data", data, "--against-dtype", "f32"], "go with --against");
  await refused(2, ["quantize", "--model", model], "needs --out");
  await refused(2, ["quantize", "--model", model, "--out", model], "other than the model's");
  await refused(1, ["quantize", "--model", join(model, "none"), "--out", join(model, "x")], "ERR_FILE");
});
