// The built library where code generation from strings is forbidden (a strict Content-Security-Policy's rule). Vitest builds code
// from strings itself, so this suite runs on Node's own runner, against dist/:
//   NODE_OPTIONS=--disallow-code-generation-from-strings node --test tests/default-path.mjs
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createTokenizer, loadModel, loadTokenizer, TaperError, writeSafetensors } from "../dist/index.js";

test("code generation from strings is forbidden here", () => {
  assert.throws(() => new Function(""), EvalError);
});

const words = ["good", "bad", "film", "a", "the", "##s", "not"];
const vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words];
const shape = { layers: 2, d: 8, f: 16 };
let directory;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "taperbert-"));
  const file = (name, content) => writeFile(join(directory, name), content);
  await file("vocab.txt", `${vocabulary.join("\n")}\n`);
  await file(
    "config.json",
    JSON.stringify({
      architectures: ["BertForSequenceClassification"],
      model_type: "bert",
      hidden_act: "gelu",
      hidden_size: shape.d,
      num_hidden_layers: shape.layers,
      num_attention_heads: 2,
      intermediate_size: shape.f,
      vocab_size: vocabulary.length,
      max_position_embeddings: 16,
      type_vocab_size: 2,
      id2label: { 0: "negative", 1: "positive" },
    }),
  );
  await file(
    "taperbert.json",
    JSON.stringify({ schemaVersion: 1, skim: { predictorWidth: 4 }, exit: { heads: true } }),
  );
  await file("model.safetensors", writeSafetensors(tensors(), { dtype: "F32" }));
});
after(() => rm(directory, { recursive: true, force: true }));

/** Every tensor of the tiny model, with values that are spread but need no random numbers. */
function tensors() {
  const { d, f, layers } = shape;
  const all = new Map();
  const add = (name, ...sides) => {
    const size = sides.reduce((a, b) => a * b, 1);
    const isNorm = sides.length === 1 && name.endsWith("weight");
    const data = Float32Array.from({ length: size }, (_, i) =>
      isNorm ? 1 : 0.5 * Math.sin(12.9898 * (i + 1) * (all.size + 1)),
    );
    all.set(name, { data, shape: sides });
  };
  const linear = (name, m, k) => {
    add(`${name}.weight`, m, k);
    add(`${name}.bias`, m);
  };
  const norm = (name, size = d) => {
    add(`${name}.weight`, size);
    add(`${name}.bias`, size);
  };
  add("bert.embeddings.word_embeddings.weight", vocabulary.length, d);
  add("bert.embeddings.position_embeddings.weight", 16, d);
  add("bert.embeddings.token_type_embeddings.weight", 2, d);
  norm("bert.embeddings.LayerNorm");
  for (let l = 0; l < layers; l++) {
    const at = `bert.encoder.layer.${l}`;
    for (const part of ["query", "key", "value"]) linear(`${at}.attention.self.${part}`, d, d);
    linear(`${at}.attention.output.dense`, d, d);
    norm(`${at}.attention.output.LayerNorm`);
    linear(`${at}.intermediate.dense`, f, d);
    linear(`${at}.output.dense`, d, f);
    norm(`${at}.output.LayerNorm`);
    const predictor = `bert.encoder.skim_predictors.${l}.predictor`;
    norm(`${predictor}.0`);
    linear(`${predictor}.1`, 4, d);
    norm(`${predictor}.2`, 4);
    linear(`${predictor}.4`, 2, 4);
  }
  linear("bert.encoder.exit_heads.0.pooler.dense", d, d);
  linear("bert.encoder.exit_heads.0.classifier", 2, d);
  linear("bert.pooler.dense", d, d);
  linear("classifier", 2, d);
  return all;
}

for (const backend of ["auto", "wasm", "scalar"]) {
  test(`loads, classifies and narrows on ${backend}`, async () => {
    const model = await loadModel(directory, { backend });
    const [one, two] = await model.classify(["a good film", "the bad films"], { skim: false, exit: false });
    assert.ok(["negative", "positive"].includes(one.label));
    assert.ok(Math.abs(one.scores[0] + one.scores[1] - 1) < 1e-6);
    assert.equal(two.trace.macs, two.trace.denseMacs);
    const narrow = await model.classify("not a good film", { skim: { keepThreshold: 0 }, exit: { entropy: 1 } });
    assert.equal(narrow.trace.exitLayer, 1);
    assert.ok(narrow.trace.overheadMacs > 0);
    await model.dispose();
  });
}

test("runs on two threads, with the bits of one", async () => {
  const scores = [];
  for (const threads of [1, 2]) {
    const model = await loadModel(directory, { backend: "wasm", threads });
    scores.push((await model.classify("a good film")).scores);
    await model.dispose();
  }
  assert.deepEqual(scores[1], scores[0]);
});

test("every backend gives the same answer", async () => {
  const scores = [];
  for (const backend of ["wasm", "scalar"]) {
    const model = await loadModel(directory, { backend });
    scores.push((await model.classify("the good, the bad", { skim: false, exit: false })).scores[1]);
    await model.dispose();
  }
  assert.ok(Math.abs(scores[0] - scores[1]) < 1e-5);
});

test("tokenises, and refuses with a code", async () => {
  const tokenizer = await loadTokenizer(directory);
  assert.deepEqual(tokenizer.encode("Films!").tokens, ["[CLS]", "film", "##s", "[UNK]", "[SEP]"]);
  assert.throws(
    () => createTokenizer({ vocabulary: [] }),
    (error) => error instanceof TaperError && error.code === "ERR_VOCABULARY",
  );
  await assert.rejects(loadModel(join(directory, "nowhere")), { code: "ERR_FILE" });
});
