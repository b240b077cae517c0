/** A training run small enough for a test: thirty words, and texts in a fixed order, whose label is decided by one of two more. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../engine/random.ts";
import { parseTrainConfig, type TrainConfig } from "../../train/config.ts";

const words = [
  "a",
  "the",
  "film",
  "plot",
  "actor",
  "scene",
  "was",
  "is",
  "and",
  "but",
  "so",
  "very",
  "one",
  "it",
  "of",
];

/** A new folder with a vocabulary and a file of labelled texts. */
export function tinyData(texts = 1000): { folder: string; data: string } {
  const folder = mkdtempSync(join(tmpdir(), "taper-train-"));
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", ...words];
  writeFileSync(join(folder, "vocab.txt"), `${tokens.join("\n")}\n`);
  const random = new Random("texts");
  const lines = ["sentence\tlabel"];
  for (let i = 0; i < texts; i++) {
    const label = random.integer(2);
    const first = random.integer(words.length);
    const text = Array.from({ length: 2 + random.integer(7) }, (_, i) => words[(first + i) % words.length]);
    text.splice(random.integer(text.length + 1), 0, label === 1 ? "good" : "bad");
    lines.push(`${text.join(" ")}\t${label}`);
  }
  const data = join(folder, "texts.tsv");
  writeFileSync(data, `${lines.join("\n")}\n`);
  return { folder, data };
}

export function tinyConfig(folder: string, data: string, changes: object = {}): TrainConfig {
  const json = {
    recipe: "classify",
    seed: 3,
    shape: { layers: 2, d: 16, h: 2, f: 32 },
    vocabulary: folder,
    labels: ["bad", "good"],
    maxPositions: 16,
    data: [data],
    holdOut: 100,
    maxTokens: 16,
    tokensPerStep: 256,
    epochs: 8,
    optimizer: { learningRate: 0.005, warmup: 0.1 },
    dropout: 0.05,
    evaluateEvery: 1000,
    skim: { predictorWidth: 8, weight: 0.1, from: 0, ramp: 0.8 },
    exit: {},
    ...changes,
  };
  return parseTrainConfig(json, "tiny config");
}
