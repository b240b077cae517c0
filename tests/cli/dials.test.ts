/** The commands that make a model faster and choose its dials, from files to files. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel, readConfigs } from "../../bert/load.ts";
import { writeDials } from "../../cli/dial-data.ts";
import { Random } from "../../engine/random.ts";
import { parseSafetensors, type WritableTensor, writeSafetensors } from "../../engine/safetensors.ts";
import { train } from "../../train/trainer.ts";
import { built } from "../support/built.ts";
import { tinyConfig as modelConfig, tinyTaper, tinyVocabulary, writeTinyModel } from "../support/tiny-model.ts";
import { tinyConfig, tinyData } from "../support/tiny-run.ts";
import { objects, run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "taper-dials-"));
const model = writeTinyModel();
const labelledFile = join(folder, "labelled.tsv");

beforeAll(async () => {
  const random = new Random("dials");
  const words = tinyVocabulary.slice(5).filter((word) => /^[a-z]+$/.test(word));
  const texts = Array.from({ length: 60 }, () => {
    return Array.from({ length: 3 + random.integer(8) }, () => words[random.integer(words.length)]).join(" ");
  });
  const loaded = await loadModel(model);
  const answers = await loaded.classify(texts, { skim: false, exit: false });
  await loaded.dispose();
  // Labels that the dense model mostly gets right.
  const rows = texts.map(
    (text, i) => `${text}\t${loaded.config.labels.indexOf(answers[i].label) ^ Number(i % 7 === 0)}`,
  );
  writeFileSync(labelledFile, `sentence\tlabel\n${rows.join("\n")}\n`);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(model, { recursive: true });
});

const grid = [
  "--keep-thresholds",
  "0,0.3",
  "--attention-thresholds",
  "1",
  "--entropies",
  "0.5,0.9",
  "--patiences",
  "2",
];

describe("pareto", () => {
  it("writes the front, cheapest first, as JSON and as a picture", async () => {
    const out = join(folder, "front");
    const more = ["--out", out, "--baselines", "--timed-texts", "3", "--runs", "1", "--json"];
    const ran = await run(["pareto", "--model", model, "--data", labelledFile, ...grid, ...more]);
    expect(ran.code).toBe(0);
    const [report] = objects(ran) as {
      front: { accuracy: number; gflops: number; speedup: number }[];
      timed: { ms: number }[];
    }[];
    expect(report).toMatchObject({ texts: 60, settings: 5 * 6, dense: { series: "dense", speedup: 1 } });
    for (const [i, point] of report.front.slice(1).entries()) {
      expect(point.accuracy).toBeGreaterThan(report.front[i].accuracy);
      expect(point.gflops).toBeGreaterThan(report.front[i].gflops);
    }
    expect(report.timed.length).toBe(Math.min(8, report.front.length));
    expect(report.timed.every(({ ms }) => ms > 0)).toBe(true);
    expect(JSON.parse(readFileSync(`${out}.json`, "utf8"))).toMatchObject({ schemaVersion: 1, texts: 60 });
    const picture = readFileSync(`${out}.svg`, "utf8");
    expect(picture).toMatch(/^<svg .*<style>/);
    expect(picture).toContain("by layer number");
  });

  it("makes the most accurate setting that is fast enough the default, and eval agrees with it", async () => {
    const given = ["--model", model, "--data", labelledFile];
    const ran = await run(["pareto", ...given, ...grid, "--speedup", "1.3", "--timed-texts", "0", "--json"]);
    expect(ran.code).toBe(0);
    const [{ chosen }] = objects(ran) as { chosen: { dials: object; accuracy: number; speedup: number } }[];
    expect(chosen.speedup).toBeGreaterThanOrEqual(1.3);
    expect((await readConfigs(model)).taper).toEqual({ ...tinyTaper, dials: chosen.dials });
    const [measured] = objects(await run(["eval", ...given, "--json"])) as { accuracy: number; speedup: number }[];
    expect(measured.accuracy).toBe(chosen.accuracy);
    expect(measured.speedup).toBeCloseTo(chosen.speedup, 10);
    const greedy = await run(["pareto", ...given, ...grid, "--speedup", "1000", "--timed-texts", "0"]);
    expect([greedy.code, greedy.err.at(-1)]).toEqual([1, expect.stringContaining("no setting saves 1000 times")]);
  });
});

describe("calibrate", () => {
  it("says how many texts are missing", async () => {
    const ran = await run(["calibrate", "--model", model, "--data", labelledFile]);
    expect([ran.code, ran.err.at(-1)]).toEqual([1, expect.stringContaining("at least 460 texts, found 60")]);
  });

  it("writes what it certifies, and nothing otherwise", async () => {
    const given = ["calibrate", "--model", model, "--data", labelledFile, ...grid, "--json"];
    const before = readFileSync(join(model, "taperbert.json"), "utf8");
    const strict = await run([...given, "--max-drop", "0.12", "--delta", "0.03"]);
    const [result] = objects(strict) as { certified: boolean }[];
    if (!result.certified) expect(readFileSync(join(model, "taperbert.json"), "utf8")).toBe(before);
    const loose = await run([...given, "--max-drop", "0.9", "--delta", "0.4"]);
    expect(loose.code).toBe(0);
    const [{ certificate, dials }] = objects(loose) as { certificate: { bound: number }; dials: object }[];
    expect(certificate).toMatchObject({ maxDrop: 0.9, delta: 0.4, loss: "lost answers", texts: 30 });
    expect((await readConfigs(model)).taper).toEqual({ ...tinyTaper, dials, certificate });
    writeFileSync(join(model, "taperbert.json"), before);
  });
});

describe("adapt", () => {
  const { folder: place, data } = tinyData(1200);
  const dense = join(place, "dense");
  beforeAll(async () => {
    built("train-worker.js");
    await train({ config: tinyConfig(place, data, { skim: false, exit: false }), directory: dense, workers: 2 });
  }, 60_000);
  afterAll(() => rmSync(place, { recursive: true }));

  it.each([
    ["thresholds", ["--weight", "0.5"]],
    ["predictors", ["--backbone", "--weight", "0.2"]],
    ["none", []],
  ])(
    "gives a dense model %s and exits, and certified dials",
    async (skim, more) => {
      const before = readFileSync(join(dense, "model.safetensors"));
      const out = join(place, `fast ${skim}`);
      const size = ["--max-tokens", "16", "--tokens-per-step", "256", "--epochs", "6", "--workers", "2"];
      const promise = ["--max-drop", "0.05", "--calibration", "0.4"];
      const given = ["--model", dense, "--data", data, "--out", out, "--skim", skim];
      const ran = await run(["adapt", ...given, ...more, ...size, ...promise, "--json"]);
      expect([ran.code, ran.err.at(-1)]).toEqual([0, expect.anything()]);
      const [{ certificate }] = objects(ran) as { certificate: { speedup: number; bound: number } }[];
      expect(certificate.bound).toBeLessThanOrEqual(0.05);
      expect(certificate.speedup).toBeGreaterThan(1);
      const { taper } = await readConfigs(out);
      expect(taper.exit).toEqual({ heads: true });
      expect(Object.keys(taper.skim ?? {})).toEqual(
        { thresholds: ["attentionThresholds"], predictors: ["predictorWidth"], none: [] }[skim],
      );
      expect(readFileSync(join(dense, "model.safetensors")).equals(before)).toBe(true);
      // What was kept for the dials was not learned from.
      const textsOf = (name: string): string[] => {
        const lines = readFileSync(join(out, name), "utf8").trim().split("\n");
        return lines.map((line) => (JSON.parse(line) as { text: string }).text);
      };
      const learned = new Set(textsOf("adapt.jsonl"));
      const kept = textsOf("calibration.jsonl");
      expect(kept.length).toBeGreaterThanOrEqual(480);
      expect(kept.filter((text) => learned.has(text))).toEqual([]);
    },
    60_000,
  );

  it("goes on where it was stopped, with the same texts only, and is not begun twice", async () => {
    const out = join(place, "stopped");
    const given = ["adapt", "--model", dense, "--data", data, "--out", out, "--skim", "none", "--epochs", "6"];
    const more = [
      ...given,
      "--max-tokens",
      "16",
      "--tokens-per-step",
      "256",
      "--max-drop",
      "0.05",
      "--calibration",
      "0.4",
      "--workers",
      "1",
    ];
    const early = await run([...more, "--resume"]);
    expect([early.code, early.err.at(-1)]).toEqual([2, expect.stringContaining("no adaptation to resume")]);
    // What a run left that ended before its training began is no adaptation yet.
    mkdirSync(out);
    writeFileSync(join(out, "adapt.jsonl"), "{}");
    // Interrupted while the model is asked what it answers: nothing has begun, and nothing has to be resumed.
    let stop = (): void => undefined;
    const onInterrupt = (given: () => void): (() => void) => {
      stop = given;
      return () => undefined;
    };
    const at = (start: string) => (line: string) => line.startsWith(start) && stop();
    const unasked = await run(more, { onInterrupt, progress: at("the teacher answers") });
    expect([unasked.code, unasked.err.at(-1)]).toEqual([1, expect.stringContaining("start it again")]);
    // After its first step: that is done, and saved.
    const stopped = await run(more, { onInterrupt, progress: at("step") });
    expect([stopped.code, stopped.err.at(-1)]).toEqual([
      1,
      expect.stringMatching(/stopped after step 1 of \d+; go on/),
    ]);
    const twice = await run(more);
    expect([twice.code, twice.err.at(-1)]).toEqual([2, expect.stringContaining("holds an adaptation already")]);
    const other = await run([...more, "--resume", "--seed", "5"]);
    expect([other.code, other.err.at(-1)]).toEqual([2, expect.stringContaining("has other texts")]);
    const whole = await run([...more, "--resume", "--json"]);
    expect([whole.code, whole.err.at(-1)]).toEqual([0, expect.anything()]);
    expect(objects(whole)[0]).toHaveProperty("certificate");
  }, 60_000);

  it("refuses before it trains", async () => {
    const out = join(place, "never");
    const given = ["adapt", "--model", model, "--data", labelledFile, "--out", out];
    const few = await run(given);
    expect([few.code, few.err.at(-1)]).toEqual([
      1,
      expect.stringMatching(/of 60 texts 15 are kept .* expected at least 460, of some 1840 in all/),
    ]);
    const over = await run(["adapt", "--model", model, "--data", labelledFile, "--out", model]);
    expect([over.code, over.err.at(-1)]).toEqual([2, expect.stringContaining(`${model} would be lost`)]);
    const wrong = await run([...given, "--skim", "words"]);
    expect([wrong.code, wrong.err.at(-1)]).toEqual([2, expect.stringContaining("thresholds, predictors, none")]);
    expect(existsSync(out)).toBe(false);
  });
});

it("writes no dials that could not be read again", async () => {
  const before = readFileSync(join(model, "taperbert.json"), "utf8");
  for (const [flag, value, expected] of [
    ["--entropies", "0.5,1.5", "from 0 to 1"],
    ["--keep-thresholds", "-Infinity", "expected a number"],
    ["--attention-thresholds", "Infinity", "from 0"],
  ]) {
    const ran = await run(["calibrate", "--model", model, "--data", labelledFile, flag, value]);
    expect([ran.code, ran.err.join()], flag).toEqual([2, expect.stringContaining(expected)]);
  }
  await expect(writeDials(model, { skim: { keepThreshold: Number.NEGATIVE_INFINITY } })).rejects.toMatchObject({
    code: "ERR_CONFIG",
  });
  expect(readFileSync(join(model, "taperbert.json"), "utf8")).toBe(before);
});

it("certifies a model as it is stored, against one of the same labels that reads texts its own way", async () => {
  const calibrate = ["calibrate", "--model", model, "--data", labelledFile, "--max-drop", "0.5", "--json"];
  const other = await run([...calibrate, "--dtype", "int8"]);
  expect([other.code, other.err.at(-1)]).toEqual([2, expect.stringContaining("as it is stored, in f32")]);
  const strange = writeTinyModel({ ...modelConfig, labels: ["a", "b"] });
  const labels = await run([...calibrate, "--against", strange]);
  expect([labels.code, labels.err.at(-1)]).toEqual([1, expect.stringContaining("expected a model of the labels")]);
  rmSync(strange, { recursive: true });

  // The same model, whose tokens have other numbers: its answers are the same ones only if it reads the texts itself.
  const renumbered = writeTinyModel();
  const { tokens, weights } = renumber(renumbered);
  writeFileSync(join(renumbered, "vocab.txt"), tokens);
  writeFileSync(join(renumbered, "model.safetensors"), weights);
  const [same, apart] = [
    objects(await run(calibrate))[0],
    objects(await run([...calibrate, "--against", renumbered]))[0],
  ];
  expect(apart).toEqual(same);
  rmSync(renumbered, { recursive: true });
});

/** A model's words in the opposite order, and its word embeddings with them. */
function renumber(directory: string): { tokens: string; weights: Uint8Array } {
  const bytes = readFileSync(join(directory, "model.safetensors"));
  const tensors = new Map<string, WritableTensor>();
  const words = tinyVocabulary.slice(5).reverse();
  for (const [name, { shape, read }] of parseSafetensors(bytes, "tiny")) {
    const data = read();
    if (name.endsWith("word_embeddings.weight")) {
      const d = shape[1];
      const old = data.slice();
      for (const [i, word] of words.entries()) {
        const from = tinyVocabulary.indexOf(word) * d;
        data.set(old.subarray(from, from + d), (5 + i) * d);
      }
    }
    tensors.set(name, { shape, data });
  }
  const tokens = `${[...tinyVocabulary.slice(0, 5), ...words].join("\n")}\n`;
  return { tokens, weights: writeSafetensors(tensors, { dtype: "F32" }) };
}

it("baseline measures a bag of bigrams", async () => {
  const { folder: place, data } = tinyData(300);
  const ran = await run(["baseline", "--train", data, "--data", data, "--json"]);
  expect(objects(ran)[0]).toMatchObject({ n: 300, accuracy: 1 });
  rmSync(place, { recursive: true });
});
