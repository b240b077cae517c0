/** A model directory with every file and part that there can be, random weights, and a vocabulary of a few words. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBert } from "../../bert/build.ts";
import { parameterSource } from "../../bert/checkpoint.ts";
import { type BertConfig, configOfShape, configToJson } from "../../bert/config.ts";
import type { TaperConfig } from "../../bert/taper-config.ts";
import { Random } from "../../engine/random.ts";
import { writeSafetensors } from "../../engine/safetensors.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";

export const tinyVocabulary = [
  ..."[PAD] [UNK] [CLS] [SEP] [MASK]".split(" "),
  ..."a an the it was is not very good bad film movie dull witty gorgeous and but . , ' t ##ly ##ing".split(" "),
];

export const tinyConfig: BertConfig = configOfShape(
  { layers: 4, d: 24, h: 2, f: 40 },
  { vocabulary: tinyVocabulary.length, maxPositions: 32, labels: ["negative", "positive"] },
);

export const tinyTaper: TaperConfig = {
  skim: { predictorWidth: 6, attentionThresholds: [0.02, 0.03, 0.04, 0.05] },
  exit: { heads: true },
  dials: { skim: { keepThreshold: 0, attentionThreshold: 1 }, exit: { entropy: 0.9 } },
};

/** Writes the directory and returns its path; the caller removes it. */
export function writeTinyModel(config: BertConfig = tinyConfig, taper: TaperConfig = tinyTaper, seed = 5): string {
  const directory = mkdtempSync(join(tmpdir(), "taper-model-"));
  const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(directory, name), content);
  write("config.json", JSON.stringify(configToJson(config)));
  write("taperbert.json", JSON.stringify({ schemaVersion: 1, ...taper }));
  write("vocab.txt", `${tinyVocabulary.join("\n")}\n`);
  write("model.safetensors", writeSafetensors(randomTensors(config, taper, seed), { dtype: "F32" }));
  return directory;
}

/** Every tensor that a model of this kind asks for, under the name it asks by. */
function randomTensors(config: BertConfig, taper: TaperConfig, seed: number) {
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  const random = new Random(seed);
  const backend = scalarBackend();
  buildBert(
    config,
    taper,
    parameterSource(backend, (name, shape) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const isNorm = shape.length === 1 && name.endsWith("weight");
      const data = Float32Array.from({ length: size }, () => (isNorm ? 1 : 0.4 * random.normal()));
      tensors.set(name, { shape, data });
      return data;
    }),
  );
  backend.dispose();
  return tensors;
}
