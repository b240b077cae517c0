/** DistilBERT and RoBERTa, written here under their own names, against a slow forward that knows what they do otherwise. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { Random } from "../../engine/random.ts";
import { writeSafetensors } from "../../engine/safetensors.ts";
import { SlowBert, type Tensors } from "../support/slow-bert.ts";
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

/** The tensors of an encoder by BERT's names, without a prefix. */
function encoder(seed: number, rows: number, types: number): Map<string, { shape: number[]; data: Float32Array }> {
  const random = new Random(seed);
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  const add = (name: string, ...sides: number[]): void => {
    const data = Float32Array.from({ length: sides.reduce((a, b) => a * b, 1) }, () => 0.5 * random.normal());
    tensors.set(name, { shape: sides, data });
  };
  const linear = (name: string, m: number, k: number): void => {
    add(`${name}.weight`, m, k);
    add(`${name}.bias`, m);
  };
  const { d, f } = shape;
  add("embeddings.word_embeddings.weight", vocabulary.length, d);
  add("embeddings.position_embeddings.weight", rows, d);
  if (types > 0) add("embeddings.token_type_embeddings.weight", types, d);
  const norm = (name: string): void => {
    add(`${name}.weight`, d);
    add(`${name}.bias`, d);
  };
  norm("embeddings.LayerNorm");
  for (let l = 0; l < shape.layers; l++) {
    const at = `encoder.layer.${l}`;
    for (const part of ["query", "key", "value"]) linear(`${at}.attention.self.${part}`, d, d);
    linear(`${at}.attention.output.dense`, d, d);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, f, d);
    linear(`${at}.output.dense`, d, f);
    norm(`${at}.output.LayerNorm`);
  }
  linear("pooler", d, d);
  linear("head", 2, d);
  return tensors;
}

function write(config: object, tensors: Tensors): void {
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "vocab.txt"), `${vocabulary.join("\n")}\n`);
  writeFileSync(join(directory, "model.safetensors"), writeSafetensors(tensors, { dtype: "F32" }));
}

const distilbertConfig = {
  architectures: ["DistilBertForSequenceClassification"],
  model_type: "distilbert",
  activation: "gelu",
  dim: shape.d,
  n_layers: shape.layers,
  n_heads: shape.h,
  hidden_dim: shape.f,
  vocab_size: vocabulary.length,
  max_position_embeddings: 16,
};

function asDistilbert(tensors: Tensors): Tensors {
  const parts: [string, string][] = [
    ["attention.self.query", "attention.q_lin"],
    ["attention.self.key", "attention.k_lin"],
    ["attention.self.value", "attention.v_lin"],
    ["attention.output.dense", "attention.out_lin"],
    ["attention.output.LayerNorm", "sa_layer_norm"],
    ["intermediate.dense", "ffn.lin1"],
    ["output.dense", "ffn.lin2"],
    ["output.LayerNorm", "output_layer_norm"],
  ];
  return new Map(
    [...tensors].map(([name, tensor]) => {
      const at = /^encoder\.layer\.(\d)\.(.*)\.(weight|bias)$/.exec(name);
      if (at !== null) {
        const part = parts.find(([ours]) => ours === at[2])?.[1];
        return [`distilbert.transformer.layer.${at[1]}.${part}.${at[3]}`, tensor];
      }
      if (name.startsWith("pooler.")) return [name.replace("pooler", "pre_classifier"), tensor];
      return [name.startsWith("head.") ? name.replace("head", "classifier") : `distilbert.${name}`, tensor];
    }),
  );
}

const close = (found: Float32Array, expected: readonly number[]): void => {
  expect(found.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
};

it("DistilBERT: no segments, and a ReLU in its head", async () => {
  const tensors = encoder(1, 16, 0);
  write(distilbertConfig, asDistilbert(tensors));
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
  write(distilbertConfig, tensors);
  await refused(loadModel(directory), "ERR_CHECKPOINT", "DistilBERT", "encoder.layer.1.output.dense.weight");
});

it.each([
  ["roberta", "Roberta"],
  ["xlm-roberta", "XLMRoberta"],
])("%s: positions begin after the padding's", async (type, architecture) => {
  const tensors = encoder(2, 18, 1);
  const config = {
    architectures: [`${architecture}ForSequenceClassification`],
    model_type: type,
    hidden_act: "gelu",
    hidden_size: shape.d,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.h,
    intermediate_size: shape.f,
    vocab_size: vocabulary.length,
    max_position_embeddings: 18,
    type_vocab_size: 1,
    layer_norm_eps: 1e-5,
    pad_token_id: 1,
  };
  const renamed = new Map(
    [...tensors].map(([name, tensor]) => {
      if (name.startsWith("pooler.")) return [name.replace("pooler", "classifier.dense"), tensor];
      return [name.startsWith("head.") ? name.replace("head", "classifier.out_proj") : `roberta.${name}`, tensor];
    }),
  );
  write(config, renamed);
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
