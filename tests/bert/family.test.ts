/** DistilBERT and RoBERTa, written here under their own names, against a slow forward that knows what they do otherwise. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { writeSafetensors } from "../../engine/safetensors.ts";
import {
  asDistilbert,
  asRoberta,
  distilbertConfig,
  encoderTensors,
  robertaConfig,
  type Tensors,
} from "../support/relatives.ts";
import { SlowBert } from "../support/slow-bert.ts";
import { refused } from "../support/spoiled-model.ts";

const directory = mkdtempSync(join(tmpdir(), "taper-family-"));
afterAll(() => rmSync(directory, { recursive: true }));

const words = ["good", "bad", "film", "a", "not"];
const vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words];
const shape = { layers: 2, d: 12, h: 3, f: 20, eps: 1e-12 };
const ids = [
  [2, 5, 6, 7, 3],
  [2, 9, 3],
];
const dense = { skim: false, exit: false } as const;

const encoder = (seed: number, positions: number, types: number) =>
  encoderTensors(seed, { ...shape, vocabulary: vocabulary.length, positions }, types);

function write(config: object, tensors: Tensors): void {
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "vocab.txt"), `${vocabulary.join("\n")}\n`);
  writeFileSync(join(directory, "model.safetensors"), writeSafetensors(tensors, { dtype: "F32" }));
}

const distilbert = distilbertConfig({ ...shape, vocabulary: vocabulary.length, positions: 16 });

const close = (found: Float32Array, expected: readonly number[]): void => {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
};

it("DistilBERT: no segments, and a ReLU in its head", async () => {
  const tensors = encoder(1, 16, 0);
  write(distilbert, asDistilbert(tensors));
  const slow = new SlowBert(tensors, shape);
  const model = await loadModel(directory);
  const { logits, hidden = [] } = await model.forward(ids, { ...dense, hidden: true });
  let clamped = 0;
  for (const [t, text] of ids.entries()) {
    const states = slow.states(text, [...text.keys()], undefined);
    close(hidden[t], states.flat());
    const pooled = slow.linear([states[0]], "pooler")[0];
    clamped += pooled.filter((value) => value < 0).length;
    close(logits[t], slow.linear([pooled.map((value) => Math.max(0, value))], "head")[0]);
  }
  expect(clamped).toBeGreaterThan(0);
  // A pair has two segments to its tokenizer; the model knows one.
  expect((await model.classify([["good", "bad film"]]))[0].score).toBeGreaterThan(0);
  await model.dispose();
  await refused(loadModel(directory, { backend: "nowhere" as "wasm" }), "ERR_OPTION", "backend");
});

it("a DistilBERT's missing tensor is named, and whose names are read", async () => {
  const tensors = new Map(asDistilbert(encoder(1, 16, 0)));
  tensors.delete("distilbert.transformer.layer.1.ffn.lin2.weight");
  write(distilbert, tensors);
  await refused(loadModel(directory), "ERR_CHECKPOINT", "DistilBERT", "encoder.layer.1.output.dense.weight");
});

it.each([
  ["roberta", "Roberta"],
  ["xlm-roberta", "XLMRoberta"],
])("%s: positions begin after the padding's", async (type, architecture) => {
  const tensors = encoder(2, 18, 1);
  write(
    robertaConfig({ ...shape, vocabulary: vocabulary.length, positions: 18 }, type, architecture),
    asRoberta(tensors),
  );
  const slow = new SlowBert(tensors, { ...shape, eps: 1e-5 });
  for (const backend of ["wasm", "scalar"] as const) {
    const model = await loadModel(directory, { backend });
    expect(model.config.maxPositions).toBe(16);
    const { logits } = await model.forward(ids, dense);
    for (const [t, text] of ids.entries()) {
      const positions = text.map((_, i) => i + 2);
      const states = slow.states(
        text,
        positions,
        text.map(() => 0),
      );
      const pooled = slow.linear([states[0]], "pooler")[0].map(Math.tanh);
      close(logits[t], slow.linear([pooled], "head")[0]);
    }
    await refused(model.forward([new Array(17).fill(2)]), "ERR_INPUT", "1 to 16");
    await model.dispose();
  }
});
