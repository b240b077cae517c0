/** What the recipes beyond plain fine-tuning leave behind: thresholds, exits over a frozen model, a teacher's pupil, a stacked model, a tagger. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel, readConfigs } from "../../bert/load.ts";
import { Random } from "../../engine/random.ts";
import { readSafetensorsFile } from "../../engine/safetensors-file.ts";
import { parseTrainConfig } from "../../train/config.ts";
import { prepare } from "../../train/prepare.ts";
import { teach } from "../../train/teacher.ts";
import { type TrainResult, train } from "../../train/trainer.ts";
import { readCases } from "../../train/truecasing.ts";
import { run as command, objects } from "../cli/run.ts";
import { built } from "../support/built.ts";
import { tinyConfig, tinyData } from "../support/tiny-run.ts";

const { folder, data } = tinyData();
const at = (name: string): string => join(folder, name);
const run = (name: string, changes: object): Promise<TrainResult> =>
  train({ config: tinyConfig(folder, data, changes), directory: at(name), workers: 1 });
const tensors = (name: string) => readSafetensorsFile(join(at(name), "model.safetensors"));
const share = (right: number, asked: number): number => right / asked;

/** Names of the tensors whose values differ between two runs that both have them. */
async function changed(before: string, after: string): Promise<string[]> {
  const [old, now] = await Promise.all([tensors(before), tensors(after)]);
  const names = [...old.keys()].filter((name) => now.has(name));
  return names.filter((name) => old.get(name)!.read().join() !== now.get(name)!.read().join());
}

beforeAll(async () => {
  built("train-worker.js");
  await run("dense", { skim: false, exit: false });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("pruning by attention, soft then hard, then exits alone", () => {
  const threshold = { stage: "soft", temperature: 0.02, weight: 1, start: 0.05, learningRate: 0.002 };
  const later = { shape: undefined, skim: false, exit: false };

  it("learns a threshold a layer, and writes them where a model has them", async () => {
    const result = await run("soft", { ...later, from: at("dense"), threshold, epochs: 4 });
    const { taper } = await readConfigs(at("soft"));
    const thresholds = taper.skim!.attentionThresholds!;
    expect(thresholds).toHaveLength(2);
    expect(thresholds[0]).toBeGreaterThan(0.01);
    expect(thresholds.every((value) => Math.fround(value) === value && value < 1)).toBe(true);
    expect([...(await tensors("soft")).keys()].filter((name) => name.includes("threshold"))).toEqual([]);
    const { skimmed } = result.measured!;
    expect(skimmed!.kept / skimmed!.keepable).toBeLessThan(0.95);
  }, 60_000);

  it("keeps them while the rest goes on learning, and measures what a model that drops rows does", async () => {
    const hard = { ...later, from: at("soft"), threshold: { stage: "hard" }, epochs: 3 };
    const result = await run("hard", hard);
    const [before, after] = await Promise.all(["soft", "hard"].map((name) => readConfigs(at(name))));
    expect(after.taper.skim).toEqual(before.taper.skim);
    expect(await changed("soft", "hard")).toContain("bert.encoder.layer.0.output.dense.weight");
    const { skimmed } = result.measured!;
    expect(share(skimmed!.correct, skimmed!.asked)).toBeGreaterThan(0.85);

    const rows = readFileSync(join(at("hard"), "held-out.tsv"), "utf8")
      .trim()
      .split("\n")
      .slice(1);
    const model = await loadModel(at("hard"));
    let [right, kept, keepable] = [0, 0, 0];
    for (const row of rows) {
      const [text, label] = row.split("\t");
      const answer = await model.classify(text, { skim: { attentionThreshold: 1 }, exit: false });
      if (answer.label === model.config.labels[Number(label)]) right++;
      for (const fed of answer.trace.fed) kept += fed - 1;
      keepable += answer.trace.fed.length * (answer.trace.length - 1);
    }
    await model.dispose();
    expect([right, kept, keepable]).toEqual([skimmed!.correct, skimmed!.kept, skimmed!.keepable]);
  }, 60_000);

  it("trains exit heads over a frozen model, on texts without labels", async () => {
    const unlabelled = at("unlabelled.txt");
    const texts = readFileSync(data, "utf8").trim().split("\n").slice(1);
    writeFileSync(unlabelled, texts.map((line) => line.split("\t")[0]).join("\n"));
    const result = await run("exits", {
      shape: undefined,
      from: at("hard"),
      skim: false,
      threshold: { stage: "hard" },
      exit: { labels: 0, distillation: 1 },
      freeze: ["encoder", "classifier"],
      data: [],
      unlabelled: [unlabelled],
      holdOut: 0,
    });
    expect(result.finished).toBe(true);
    expect(await changed("hard", "exits")).toEqual([]);
    const { taper } = await readConfigs(at("exits"));
    expect(taper.exit).toEqual({ heads: true });
    expect(taper.skim!.attentionThresholds).toHaveLength(2);
    const model = await loadModel(at("exits"));
    const sentences = texts.slice(0, 60).map((line) => line.split("\t")[0]);
    const skim = { attentionThreshold: 1 };
    const whole = await model.classify(sentences, { skim, exit: false });
    const first = await model.classify(sentences, { skim, exit: { patience: 1 } });
    await model.dispose();
    expect(first.every(({ trace }) => trace.exitLayer === 1)).toBe(true);
    expect(first.filter(({ label }, i) => label === whole[i].label).length).toBeGreaterThan(48);
  }, 60_000);
});

describe("a teacher", () => {
  const pupil = { skim: false, exit: false, epochs: 4, shape: { layers: 1, d: 16, h: 2, f: 32 } };
  const teacher = { from: at("dense"), weight: 1, temperature: 2 };

  it("is followed rather than the labels, and asked once", async () => {
    const lines = readFileSync(data, "utf8").trim().split("\n");
    const wrong = lines.map((line, i) => (i === 0 ? line : `${line.slice(0, -1)}${1 - Number(line.at(-1))}`));
    writeFileSync(at("wrong.tsv"), wrong.join("\n"));
    const config = tinyConfig(folder, at("wrong.tsv"), { ...pupil, teacher, epochs: 8 });
    let asked = 0;
    const onTaught = (): void => void asked++;
    const result = await train({ config, directory: at("pupil"), workers: 2, onTaught });
    expect(share(result.measured!.dense.correct, result.measured!.dense.asked)).toBeLessThan(0.2);
    expect(asked).toBeGreaterThan(0);
    expect(existsSync(join(at("pupil"), "teacher.safetensors"))).toBe(true);
    const again = { ...config, from: [at("pupil")], epochs: 0 };
    asked = 0;
    await train({ config: again, directory: at("pupil's pupil"), workers: 1, onTaught });
    expect(asked).toBe(0);
  }, 60_000);

  it("among several is heard as one of them, on spliced texts too", async () => {
    const plan = { ...pupil, teacher: { ...teacher, from: [at("dense"), "bigrams"] }, splices: 40 };
    await train({ config: tinyConfig(folder, data, plan), directory: at("pupil of two"), workers: 2 });
    const prepared = await prepare(tinyConfig(folder, data, plan));
    const { set, learn, heldOut, sources } = prepared;
    const texts = learn.length + heldOut.length;
    expect(set.labels.slice(-40).every((label) => label === -1)).toBe(true);
    expect(learn.slice(-40)).toEqual(Array.from({ length: 40 }, (_, i) => texts - 40 + i));
    const places = { directory: at("pupil of two"), from: [], variant: undefined, threads: 1 };
    const from = (...names: string[]) => ({ from: names, weight: 1, temperature: 1 });
    const [both, one, other] = await Promise.all(
      [[at("dense"), "bigrams"], [at("dense")], ["bigrams"]].map((names) => teach(from(...names), prepared, places)),
    );
    expect(both.taught).toHaveLength(2 * texts);
    for (let i = 0; i < both.taught.length; i++) {
      expect(both.taught[i]).toBeCloseTo((one.taught[i] + other.taught[i]) / 2, 5);
    }
    for (let t = 0; t < texts; t++)
      expect(Math.exp(both.taught[2 * t]) + Math.exp(both.taught[2 * t + 1])).toBeLessThan(1 + 1e-5);
    const held = new Set(heldOut.map((t) => sources[t]));
    expect(sources.slice(-40).filter((text) => held.has(text))).toEqual([]);
  }, 60_000);

  it("is interrupted while it answers, and the run can be started again", async () => {
    const stop = new AbortController();
    const config = tinyConfig(folder, data, { ...pupil, teacher });
    const options = { config, directory: at("stopped"), workers: 1 };
    const stopped = train({ ...options, onTaught: () => stop.abort(new Error("enough")), signal: stop.signal });
    await expect(stopped).rejects.toThrow("enough");
    expect(await train({ ...options, config: { ...config, epochs: 0 } })).toMatchObject({ finished: true });
  }, 60_000);

  it("must know the same labels", async () => {
    const config = tinyConfig(folder, data, { ...pupil, labels: ["no", "yes"], teacher });
    await expect(train({ config, directory: at("never"), workers: 1 })).rejects.toThrow(/teacher .*labels no,yes/);
  });
});

it("stacks: the old layers come again above themselves", async () => {
  const grown = { from: at("dense"), skim: false, exit: false, epochs: 0, shape: { layers: 5, d: 16, h: 2, f: 32 } };
  await run("stacked", { ...grown, grow: "stack" });
  const [old, now] = await Promise.all([tensors("dense"), tensors("stacked")]);
  const name = (l: number): string => `bert.encoder.layer.${l}.attention.self.key.weight`;
  for (let l = 0; l < 5; l++) expect(now.get(name(l))!.read()).toEqual(old.get(name(l % 2))!.read());
});

it("starts as the mean of several models with the same tensors", async () => {
  const plain = { skim: false, exit: false, epochs: 0 };
  await run("other", { ...plain, from: at("dense"), epochs: 1, seed: 3 });
  const { measured } = await run("mean", { ...plain, from: [at("dense"), at("other")] });
  expect(measured?.dense.asked).toBeGreaterThan(0);
  const [one, other, mean] = await Promise.all(["dense", "other", "mean"].map(tensors));
  expect([...mean.keys()]).toEqual([...one.keys()]);
  for (const [name, tensor] of mean) {
    const [a, b] = [one.get(name)!.read(), other.get(name)!.read()];
    expect(tensor.read(), name).toEqual(a.map((value, i) => (value + b[i]) / 2));
  }
  const mixed = run("never", {
    ...plain,
    from: [at("dense"), at("stacked")],
    shape: { layers: 5, d: 16, h: 2, f: 32 },
  });
  await expect(mixed).rejects.toThrow(/models with the same tensors; .*dense has \d+ of them, .*stacked \d+/);
}, 60_000);

it("takes predictors from one model and all else from another", async () => {
  const skim = { predictorWidth: 4 };
  await run("skimmer", { skim, exit: false, epochs: 0, seed: 7 });
  const heir = { from: at("dense"), shape: undefined, exit: false, epochs: 0 };
  await run("heir", { ...heir, skim: { ...skim, predictors: at("skimmer") } });
  expect(await changed("skimmer", "heir")).not.toContain("bert.encoder.skim_predictors.0.predictor.1.weight");
  expect(await changed("dense", "heir")).toEqual([]);
  const wrong = run("never", { ...heir, skim: { ...skim, predictors: at("dense") } });
  await expect(wrong).rejects.toThrow(/dense\/model\.safetensors has none of the model's skim predictors/);
}, 60_000);

it("holds out the same texts whatever the seed", async () => {
  const heldOut = (seed: number) => prepare(tinyConfig(folder, data, { seed })).then((prepared) => prepared.heldOut);
  const [one, other] = await Promise.all([heldOut(1), heldOut(2)]);
  expect(one.length).toBeGreaterThan(0);
  expect(other).toEqual(one);
});

describe("tagging", () => {
  it("learns the case of words, skims, and answers for what it skimmed", async () => {
    const cased = at("cased.txt");
    const random = new Random("cases");
    const words = ["film", "plot", "actor", "scene", "good", "bad"];
    // One word says the case of all others.
    const lines = Array.from({ length: 400 }, () => {
      const marker = ["of", "the", "very"][random.integer(3)];
      const plain = Array.from({ length: 5 }, () => words[random.integer(words.length)]);
      const titles = plain.map((word) => `${word[0].toUpperCase()}${word.slice(1)}`);
      const text = marker === "of" ? plain : marker === "the" ? titles : plain.map((word) => word.toUpperCase());
      text.splice(random.integer(6), 0, marker);
      return text.join(" ");
    });
    writeFileSync(cased, lines.join("\n"));
    const config = tinyConfig(folder, cased, {
      recipe: "tag",
      task: "truecasing",
      labels: undefined,
      skim: { predictorWidth: 8, weight: 0.1, ramp: 1 },
      exit: false,
      holdOut: 40,
      maxPositions: 32,
      maxTokens: 32,
      epochs: 36,
    });
    const { measured } = await train({ config, directory: at("tagger"), workers: 2 });
    const { dense, skimmed } = measured!;
    expect(share(dense.correct, dense.asked)).toBeGreaterThan(0.95);
    expect(share(skimmed!.correct, skimmed!.asked)).toBeGreaterThan(0.95);
    expect(skimmed!.kept / skimmed!.keepable).toBeLessThan(0.9);
    const model = await loadModel(at("tagger"));
    const [tags] = await model.tag(["film very good"], { skim: { keepThreshold: 0 } });
    await model.dispose();
    expect(tags.map(({ label }) => label)).toEqual(["UPPER", "lower", "UPPER"]);
    const held = join(at("tagger"), "held-out.tsv");
    const ran = await command(["eval", "--model", at("tagger"), "--data", held, "--no-skim", "--json"]);
    expect(objects(ran)[0]).toMatchObject({ n: 40, words: dense.asked, accuracy: dense.correct / dense.asked });
  }, 60_000);

  it("labels a word's first piece with the whole word's case", async () => {
    const tokenizer = {
      encode: (text: string) => {
        expect(text).toBe("mcdonald's of ny, 3");
        const tokens = ["[CLS]", "mc", "##donald", "'", "s", "of", "n", "##y", ",", "3", "[SEP]"];
        const offsets: [number, number][] = [
          [0, 0],
          [0, 2],
          [2, 8],
          [8, 9],
          [9, 10],
          [11, 13],
          [14, 15],
          [15, 16],
          [16, 17],
          [18, 19],
          [0, 0],
        ];
        return { ids: tokens.map((_, i) => i), tokens, offsets, segments: tokens.map(() => 0), truncated: false };
      },
    };
    expect(readCases("McDonald's of NY, 3", tokenizer, 99).tags).toEqual([-1, 3, -1, -1, 0, 0, 2, -1, -1, -1, -1]);
  });
});

describe("a config is refused before anything runs", () => {
  const base = { recipe: "classify", shape: "tiny", vocabulary: "v", data: ["a.tsv"] };
  it.each([
    [{ unlabelled: ["b.txt"] }, /"unlabelled": expected something to learn/],
    [{ freeze: ["everything"] }, /"freeze": expected a list of "encoder"/],
    [{ threshold: { stage: "hard" } }, /"threshold": expected "from"/],
    [{ threshold: {} }, /"stage": expected "soft" or "hard"/],
    [{ grow: "stack" }, /"grow": expected "from" and a "shape"/],
    [{ teacher: { weight: 0.5 } }, /"from": expected the directory of a model/],
    [{ teacher: { from: [] } }, /"from": expected the directory of a model/],
    [{ teacher: { from: ["t", ""] } }, /"from": expected a text, or a list of texts/],
    [{ from: ["t", 7] }, /"from": expected a text, or a list of texts/],
    [{ splices: 10 }, /"splices": expected 0 without a "teacher"/],
    [{ splices: 10, data: [], unlabelled: ["b.txt"], teacher: { from: "t" } }, /"splices": expected 0 without/],
    [{ teacher: { from: "t", weight: 2 } }, /"weight": expected a number from 0 to 1/],
    [{ recipe: "tag" }, /"task": expected "truecasing"/],
    [{ recipe: "tag", task: "truecasing", exit: {} }, /"exit": expected nothing/],
    [{ recipe: "tag", task: "truecasing", labels: ["a", "b"] }, /"labels": expected lower, Title, UPPER, mixed/],
    [{ recipe: "mlm", teacher: { from: "t" } }, /"teacher": expected nothing/],
    [{ task: "truecasing" }, /"task": expected nothing/],
  ])("%o", (changes, message) => {
    expect(() => parseTrainConfig({ ...base, ...changes }, "config")).toThrow(message);
  });

  it("when all is frozen", async () => {
    const freeze = ["encoder", "classifier"];
    const config = tinyConfig(folder, data, { skim: false, exit: false, freeze });
    await expect(train({ config, directory: at("nothing"), workers: 1 })).rejects.toThrow(/something left to learn/);
    expect(existsSync(at("nothing"))).toBe(false);
  });
});
