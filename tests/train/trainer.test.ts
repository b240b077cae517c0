/** Whole runs on worker threads: they learn, repeat, and go on bit-equal. They need dist/train-worker.js (npm run build). */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { loadTokenizer } from "../../bert/tokenizer/load.ts";
import { writeSafetensors } from "../../engine/safetensors.ts";
import { readSafetensorsFile } from "../../engine/safetensors-file.ts";
import { train } from "../../train/trainer.ts";
import { built } from "../support/built.ts";
import { asDistilbert, distilbertConfig, encoderTensors } from "../support/relatives.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";
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

  it("starts with other labels from a model's encoder, its heads drawn anew", async () => {
    const directory = join(folder, "other-labels");
    const labels = ["bad", "good", "neither"];
    await train({ config: { ...config, from: [whole], labels, epochs: 0 }, directory, workers: 1 });
    const [old, other] = await Promise.all(
      [whole, directory].map((d) => readSafetensorsFile(join(d, "model.safetensors"))),
    );
    const kept = ["bert.encoder.layer.0.output.dense.weight", "bert.encoder.exit_heads.0.pooler.dense.weight"];
    for (const name of kept) expect(other.get(name)!.read()).toEqual(old.get(name)!.read());
    for (const name of ["classifier.weight", "bert.encoder.exit_heads.0.classifier.weight"]) {
      expect(other.get(name)!.shape).toEqual([3, config.shape!.d]);
      expect(
        other
          .get(name)!
          .read()
          .some((value) => value !== 0),
      ).toBe(true);
    }
  });

  it("reads texts afterwards as it did while it learned: a vocabulary that keeps case says so where the model is", async () => {
    const cased = join(folder, "cased");
    mkdirSync(cased);
    const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "Good", "good", "film"];
    writeFileSync(join(cased, "vocab.txt"), `${tokens.join("\n")}\n`);
    const vocab = Object.fromEntries(tokens.map((token, i) => [token, i]));
    const normalizer = { type: "BertNormalizer", lowercase: false, strip_accents: null, handle_chinese_chars: true };
    const model = { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", vocab };
    writeFileSync(join(cased, "tokenizer.json"), JSON.stringify({ normalizer, model }));
    const directory = join(folder, "of-cased");
    await train({ config: { ...config, vocabulary: cased, epochs: 0 }, directory, workers: 1 });
    expect((await loadTokenizer(directory)).encode("Good film").ids).toEqual([2, 4, 6, 3]);
  });

  it("keeps what was made of a model when a run that had ended is resumed", async () => {
    const directory = join(folder, "ended");
    const short = { ...config, epochs: 1 };
    await train({ config: short, directory, workers: 1 });
    const file = join(directory, "taperbert.json");
    const chosen = JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), dials: { exit: { entropy: 0.5 } } });
    writeFileSync(file, chosen);
    expect(await train({ config: short, directory, workers: 1, resume: true })).toMatchObject({ finished: true });
    expect(readFileSync(file, "utf8")).toBe(chosen);
  });

  it("starts from a DistilBERT's encoder, and refuses the head that it cannot train", async () => {
    const directory = join(folder, "distilbert");
    mkdirSync(directory);
    const tokens = readFileSync(join(folder, "vocab.txt"), "utf8");
    const sizes = {
      layers: 2,
      d: 16,
      h: 2,
      f: 32,
      eps: 1e-12,
      vocabulary: tokens.trimEnd().split("\n").length,
      positions: 16,
    };
    const tensors = encoderTensors(1, sizes, 0);
    writeFileSync(join(directory, "config.json"), JSON.stringify(distilbertConfig(sizes)));
    writeFileSync(join(directory, "vocab.txt"), tokens);
    writeFileSync(join(directory, "model.safetensors"), writeSafetensors(asDistilbert(tensors), { dtype: "F32" }));
    const from = { vocabulary: directory, from: [directory], shape: undefined, epochs: 0 };
    const changes = { recipe: "mlm", labels: undefined, skim: undefined, exit: undefined, mlm: { negatives: 10 } };
    const started = join(folder, "of-distilbert");
    await train({ config: tinyConfig(folder, data, { ...from, ...changes }), directory: started, workers: 1 });
    const model = await readSafetensorsFile(join(started, "model.safetensors"));
    for (const [name, { data }] of tensors) {
      if (/^(embeddings|encoder)/.test(name)) expect(model.get(`bert.${name}`)!.read(), name).toEqual(data);
    }
    const classifier = train({ config: tinyConfig(folder, data, from), directory: join(folder, "never"), workers: 1 });
    await refused(classifier, "ERR_CONFIG", "ReLU");
  });

  it("writes over no model that is not its own", async () => {
    const directory = writeTinyModel();
    await refused(train({ config, directory, workers: 1 }), "ERR_OPTION", `${directory}/config.json`, "would be lost");
    rmSync(directory, { recursive: true });
  });

  it("holds pairs out as pairs", async () => {
    const pairs = join(folder, "pairs.tsv");
    const rows = Array.from({ length: 40 }, (_, i) => `the film ${i}\tgood plot ${i}\t${i % 2}`);
    writeFileSync(pairs, `sentence1\tsentence2\tlabel\n${rows.join("\n")}\n`);
    const directory = join(folder, "of-pairs");
    await train({ config: { ...config, data: [pairs], holdOut: 10, epochs: 0 }, directory, workers: 1 });
    const kept = readFileSync(join(directory, "held-out.tsv"), "utf8").trimEnd().split("\n");
    expect(kept[0]).toBe("sentence1\tsentence2\tlabel");
    expect(kept).toHaveLength(11);
    for (const row of kept.slice(1)) expect(rows).toContain(row);
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
