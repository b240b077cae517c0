/** Whole runs on worker threads: they learn, repeat, and go on bit-equal. They need dist/train-worker.js (npm run build). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { readSafetensorsFile } from "../../engine/safetensors-file.ts";
import { train } from "../../train/trainer.ts";
import { built } from "../support/built.ts";
import { tinyConfig, tinyData } from "../support/tiny-run.ts";

const { folder, data } = tinyData();
const bytesOf = (directory: string): Buffer => readFileSync(join(directory, "checkpoint.safetensors"));

beforeAll(() => {
  built("train-worker.js");
});

describe("a run", () => {
  const config = tinyConfig(folder, data);
  const whole = join(folder, "whole");

  it("learns a small task, dense, skimmed and at its exits, and leaves a model that loads", async () => {
    const losses: number[] = [];
    const result = await train({
      config,
      directory: whole,
      workers: 2,
      onStep: ({ sums }) => losses.push(sums.loss / sums.asked),
    });
    expect(result.finished).toBe(true);
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-10))).toBeLessThan(0.5 * mean(losses.slice(0, 10)));
    const { dense, skimmed } = result.measured!;
    expect(dense.correct / dense.asked).toBeGreaterThan(0.9);
    expect(skimmed!.correct / skimmed!.asked).toBeGreaterThan(0.9);
    expect(dense.exitCorrect[0] / dense.asked).toBeGreaterThan(0.8);
    expect(skimmed!.kept / skimmed!.keepable).toBeLessThan(0.9);

    const model = await loadModel(whole);
    const answers = await model.classify(["the film was very good", "bad plot and one actor"], {
      skim: false,
      exit: false,
    });
    expect(answers.map(({ label }) => label)).toEqual(["good", "bad"]);
    model.dispose();
  });

  it("grows: what the smaller model has is taken, the rest is drawn", async () => {
    const directory = join(folder, "grown");
    const shape = { ...config.shape!, layers: config.shape!.layers + 2 };
    await train({ config: { ...config, from: [whole], shape, epochs: 0 }, directory, workers: 1 });
    const [old, grown] = await Promise.all(
      [whole, directory].map((d) => readSafetensorsFile(join(d, "model.safetensors"))),
    );
    const name = (l: number): string => `bert.encoder.layer.${l}.output.dense.weight`;
    expect(grown.get(name(0))!.read()).toEqual(old.get(name(0))!.read());
    expect(old.has(name(shape.layers - 1))).toBe(false);
    expect(
      grown
        .get(name(shape.layers - 1))!
        .read()
        .some((value) => value !== 0),
    ).toBe(true);
  });

  it("gives the same bytes again", async () => {
    const directory = join(folder, "again");
    await train({ config, directory, workers: 2 });
    expect(bytesOf(directory).equals(bytesOf(whole))).toBe(true);
  });

  it("goes on bit-equal after an interruption", async () => {
    const directory = join(folder, "interrupted");
    const stop = new AbortController();
    const onStep = ({ step }: { step: number }): void => {
      if (step === 9) stop.abort();
    };
    const first = await train({ config, directory, workers: 2, onStep, signal: stop.signal });
    expect(first).toMatchObject({ finished: false, step: 9 });
    expect(bytesOf(directory).equals(bytesOf(whole))).toBe(false);
    const second = await train({ config, directory, workers: 2, resume: true });
    expect(second.finished).toBe(true);
    expect(bytesOf(directory).equals(bytesOf(whole))).toBe(true);
  });

  it("refuses a directory with a run, another config, and another number of workers", async () => {
    await expect(train({ config, directory: whole, workers: 2 })).rejects.toThrow(/holds a run already/);
    const other = { ...config, seed: 4 };
    await expect(train({ config: other, directory: whole, workers: 2, resume: true })).rejects.toThrow(/differs/);
    await expect(train({ config, directory: whole, workers: 1, resume: true })).rejects.toThrow(/bit-equal/);
    await expect(train({ config, directory: join(folder, "none"), resume: true })).rejects.toThrow(/no run/);
  });
});

describe("masked-language-model pretraining", () => {
  it("lowers its loss and gives a model to start a classifier from", async () => {
    const pretrained = join(folder, "mlm");
    const losses: number[] = [];
    const mlm = tinyConfig(folder, data, {
      recipe: "mlm",
      mlm: { maskRatio: 0.3, negatives: 8 },
      skim: false,
      exit: false,
    });
    await train({
      config: mlm,
      directory: pretrained,
      workers: 2,
      onStep: ({ sums }) => losses.push(sums.loss / sums.asked),
    });
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.1);
    const config = tinyConfig(folder, data, {
      shape: undefined,
      from: pretrained,
      epochs: 1,
      skim: false,
      exit: false,
    });
    const result = await train({ config, directory: join(folder, "tuned"), workers: 1 });
    expect(result.finished).toBe(true);
  });
});
