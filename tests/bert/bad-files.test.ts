/** What a model directory gets that cannot be one: an error that names the file, the setting, what was expected and found. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { refused, spoiledModel } from "../support/spoiled-model.ts";
import { tinyConfig, tinyTaper, tinyVocabulary, writeTinyModel } from "../support/tiny-model.ts";

const bad = spoiledModel();

describe("missing files", () => {
  it("names the directory's file", async () => {
    await refused(loadModel("/nowhere"), "ERR_FILE", "/nowhere/config.json");
    await refused(loadModel(bad.at("config.json")), "ERR_FILE", "config.json is a file; give the directory");
    await refused(
      loadModel("some-one/bert-base"),
      "ERR_FILE",
      "https://huggingface.co/some-one/bert-base/resolve/main",
    );
  });

  it("names what is not among the files given, and what is no file", async () => {
    const file = { "vocab.txt": new Uint8Array(3) };
    await refused(
      loadModel(file),
      "ERR_FILE",
      "config.json cannot be read: it is not among the files given: vocab.txt",
    );
    const text = { "config.json": "{}", "model.safetensors": new Uint8Array(4e7) };
    await refused(loadModel(text as never), "ERR_OPTION", '"config.json": expected a Uint8Array, found "{}"');
    for (const [source, found] of [
      [new Map(), "a Map"],
      [Promise.resolve("x"), "a Promise"],
      [new ArrayBuffer(10), "a ArrayBuffer"],
    ] as const) {
      await refused(loadModel(source as never), "ERR_OPTION", `found ${found}`);
    }
  });

  it("takes a file URL as text, and buffers for files", async () => {
    const byUrl = await loadModel(pathToFileURL(bad.directory).href);
    await byUrl.dispose();
    const names = ["config.json", "model.safetensors", "vocab.txt", "taperbert.json"];
    const buffers = names.map((name) => [name, new Uint8Array(readFileSync(bad.at(name))).buffer]);
    const inMemory = await loadModel(Object.fromEntries(buffers));
    expect((await inMemory.classify("a good film")).label).toMatch(/itive|ative/);
    await inMemory.dispose();
  });

  it.each(["config.json", "vocab.txt", "model.safetensors"])("without %s", async (name) => {
    rmSync(bad.at(name));
    await bad.refused("ERR_FILE", bad.directory, name);
  });

  it.each(["config.json", "taperbert.json", "vocab.txt", "model.safetensors"])("a directory for %s", async (name) => {
    rmSync(bad.at(name));
    cpSync(bad.good, bad.at(name), { recursive: true });
    await bad.refused("ERR_FILE", bad.at(name));
  });

  it("a PyTorch pickle alone says how to convert it", async () => {
    rmSync(bad.at("model.safetensors"));
    bad.put("pytorch_model.bin", "PK");
    await bad.refused("ERR_FILE", "pytorch_model.bin", "safe_serialization");
  });

  it("ONNX alone says that it is not read, and a pointer of Git LFS what it is", async () => {
    bad.put("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    await bad.refused("ERR_CHECKPOINT", "model.safetensors", "git lfs pull");
    rmSync(bad.at("model.safetensors"));
    bad.put("model.onnx", "x");
    await bad.refused("ERR_FILE", "model.onnx", "ONNX is not read");
  });

  it("without taperbert.json a model is dense", async () => {
    rmSync(bad.at("taperbert.json"));
    const model = await loadModel(bad.directory);
    expect(model.abilities).toEqual({ predictors: false, attentionThresholds: false, exitHeads: false });
    const { trace } = await model.classify("a good film");
    expect([trace.macs, trace.exitLayer]).toEqual([trace.denseMacs, tinyConfig.layers]);
    await refused(model.classify("good", { exit: { entropy: 0.5 } }), "ERR_OPTION", "exit heads");
    await model.dispose();
  });
});

describe("config.json", () => {
  it.each([
    ["", "ERR_FILE"],
    ["{", "ERR_FILE"],
    ["\u0000\u0001", "ERR_FILE"],
    ["[]", "ERR_CONFIG"],
    ["null", "ERR_CONFIG"],
    ["7", "ERR_CONFIG"],
    ["{}", "ERR_CONFIG"],
    [`{"hidden_size":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "ERR_CONFIG"],
  ] as const)("that holds %.20j", async (content, code) => {
    bad.put("config.json", content);
    await bad.refused(code, bad.at("config.json"));
  });

  const sizes = [
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
  ];
  it.each(sizes)("with an impossible %s", async (key) => {
    for (const value of [0, -1, 1.5, 1e9, "24", true, [24], {}]) {
      bad.putConfig({ [key]: value });
      await bad.refused("ERR_CONFIG", bad.at("config.json"), `"${key}"`, JSON.stringify(value));
    }
  });

  it.each([
    [{ hidden_act: "relu" }, '"hidden_act"', '"relu"', '"gelu"'],
    [{ model_type: "albert" }, '"model_type"', '"albert"', '"distilbert"'],
    [{ model_type: "roberta" }, '"architectures"', "BertForSequenceClassification", "RobertaModel"],
    [{ problem_type: "regression" }, '"problem_type"', '"regression"'],
    [{ position_embedding_type: "relative_key" }, '"position_embedding_type"'],
    [{ is_decoder: true }, '"is_decoder"'],
    [{ architectures: ["RobertaModel"] }, '"architectures"', "RobertaModel", "BertForSequenceClassification"],
    [{ architectures: ["toString"] }, '"architectures"', "toString"],
    [{ architectures: [] }, '"architectures"', "[]"],
    [{ architectures: "BertModel" }, '"architectures"', '"BertModel"'],
    [{ num_attention_heads: 5 }, "hidden_size 24", "num_attention_heads 5"],
    [{ layer_norm_eps: -1 }, '"layer_norm_eps"', "-1"],
    [{ layer_norm_eps: "small" }, '"layer_norm_eps"', '"small"'],
    [{ id2label: ["a", "b"] }, '"id2label"', '["a","b"]'],
    [{ id2label: {} }, '"id2label"', "{}"],
    [{ id2label: { 0: "a", 2: "b" } }, '"id2label"', "id 1"],
    [{ id2label: { 0: "a", 1: 5 } }, '"id2label"', "id 1"],
    [{ id2label: null, num_labels: -2 }, '"num_labels"', "-2"],
    [{ max_position_embeddings: 2 }, "room for 3", "max_position_embeddings 2"],
  ] as [object, ...string[]][])("with %j", async (changes, ...parts) => {
    bad.putConfig(changes);
    await bad.refused("ERR_CONFIG", bad.directory, ...parts);
  });

  it.each([
    [{ hidden_size: 48 }, "bert.embeddings.word_embeddings.weight", "24]", "48]"],
    [{ intermediate_size: 41 }, "bert.encoder.layer.0.intermediate.dense.weight", "[40,24]", "[41,24]"],
    [{ max_position_embeddings: 64 }, "bert.embeddings.position_embeddings.weight", "[32,24]", "[64,24]"],
    [{ type_vocab_size: 3 }, "bert.embeddings.token_type_embeddings.weight", "[2,24]", "[3,24]"],
    [{ vocab_size: 100 }, "bert.embeddings.word_embeddings.weight", "[100,24]"],
    [{ id2label: { 0: "a", 1: "b", 2: "c" } }, "classifier.weight", "[2,24]", "[3,24]"],
    [{ architectures: ["BertForQuestionAnswering"] }, "qa_outputs.weight", "missing"],
  ] as [object, ...string[]][])("that does not fit the checkpoint: %j", async (changes, ...parts) => {
    bad.withoutParts();
    bad.putConfig(changes);
    await bad.refused("ERR_CHECKPOINT", bad.at("model.safetensors"), ...parts);
  });

  it("with more layers than the checkpoint has", async () => {
    bad.withoutParts();
    bad.putConfig({ num_hidden_layers: 6 });
    await bad.refused("ERR_CHECKPOINT", '"bert.encoder.layer.4.attention.self.query.weight" is missing', "nearest");
  });

  it("with absurd sizes is refused before any memory is asked for", async () => {
    bad.withoutParts();
    const absurd = [
      { vocab_size: 1e7 },
      { hidden_size: 1e6, num_attention_heads: 1 },
      { intermediate_size: 1e7 },
      { max_position_embeddings: 1e7 },
      { num_hidden_layers: 1e6 },
      { id2label: null, num_labels: 1e6 },
    ];
    for (const changes of absurd) {
      bad.putConfig(changes);
      const backend = scalarBackend();
      let largest = 0;
      const { allocate, upload, pack } = backend;
      const noting = <T extends { length: number }>(handle: T): T => {
        largest = Math.max(largest, handle.length);
        return handle;
      };
      backend.allocate = (length, kind) => noting(allocate(length, kind));
      backend.upload = (values) => noting(upload(values));
      backend.pack = (matrix) => noting(pack(matrix));
      await refused(loadModel(bad.directory, { backend }), "ERR_CHECKPOINT", "tensor");
      expect(largest).toBeLessThan(10_000);
    }
  });

  it("labels that no head reads cost no memory", async () => {
    bad.withoutParts();
    bad.putConfig({ architectures: ["BertModel"], id2label: null, num_labels: 1e6 });
    const model = await loadModel(bad.directory, { backend: "wasm" });
    expect(await model.embed(["good"])).toHaveLength(1);
    await refused(model.classify("good"), "ERR_INPUT", "sequence-classification", "embedding");
    await model.dispose();
  });
});

describe("taperbert.json", () => {
  const { skim, exit } = tinyTaper;
  const with1 = (json: object): unknown => ({ schemaVersion: 1, ...json });

  it.each([
    [[], "found []"],
    [{}, '"schemaVersion" is nothing'],
    [{ schemaVersion: 2 }, '"schemaVersion" is 2'],
    [with1({ skimm: {} }), '"skimm"', "skim"],
    [with1({ skim: { width: 6 } }), '"width"', "predictorWidth"],
    [with1({ skim: [] }), '"skim"', "[]"],
    [with1({ skim: { predictorWidth: 0 } }), "skim.predictorWidth", "found 0"],
    [with1({ skim: { predictorWidth: "6" } }), "skim.predictorWidth", '"6"'],
    [with1({ skim: { attentionThresholds: [0.1] } }), "skim.attentionThresholds", "4 numbers", "[0.1]"],
    [with1({ skim: { attentionThresholds: [0, 0, 0, -1] } }), "skim.attentionThresholds", "-1"],
    [with1({ skim: { attentionThresholds: [0, 0, 0, null] } }), "skim.attentionThresholds", "null"],
    [with1({ exit: { heads: "yes" } }), "exit.heads", '"yes"'],
    [with1({ exit: { head: true } }), '"head"', "heads"],
    [with1({ dials: { skip: false } }), '"skip"', "skim"],
    [with1({ dials: { exit: { entropy: 2 } } }), "exit.entropy", "found 2"],
    [with1({ dials: { exit: null } }), "exit", "null"],
    [with1({ dials: { exit: { entropy: 0.3 } } }), "exit: this model has no exit heads"],
    [with1({ dials: { skim: { keepThreshold: 0 } } }), "skim.keepThreshold: this model has no skim predictors"],
    [with1({ dials: { skim: { keepTreshold: 0 } } }), '"keepTreshold"', '"keepThreshold"'],
  ] as [unknown, ...string[]][])("that holds %j", async (json, ...parts) => {
    bad.putTaper(json);
    await bad.refused("ERR_CONFIG", bad.at("taperbert.json"), ...parts);
  });

  it("that is not JSON", async () => {
    bad.put("taperbert.json", "{schemaVersion: 1}");
    await bad.refused("ERR_FILE", bad.at("taperbert.json"), "not JSON");
  });

  it("that does not fit the checkpoint", async () => {
    bad.putTaper({ schemaVersion: 1, skim: { ...skim, predictorWidth: 7 } });
    const tensor = "bert.encoder.skim_predictors.0.predictor.1.weight";
    await bad.refused("ERR_CHECKPOINT", tensor, "[6,24]", "[7,24]");
    rmSync(bad.directory, { recursive: true });
    bad.directory = writeTinyModel(tinyConfig, { skim: skim! });
    bad.putTaper({ schemaVersion: 1, exit });
    await bad.refused("ERR_CHECKPOINT", "bert.encoder.exit_heads.0.pooler.dense.weight", "missing");
  });

  it("with exit heads for a model that has no [CLS] answer", async () => {
    bad.putConfig({ architectures: ["BertModel"] });
    await bad.refused("ERR_CONFIG", "exit heads", "embedding");
  });
});

describe("vocabulary", () => {
  const words = (tokens: readonly string[]): string => tokens.join("\n");

  it.each([
    ["nothing", "", "no token at all"],
    ["an empty line", words([...tinyVocabulary.slice(0, 9), "", ...tinyVocabulary.slice(9)]), '"" for id 9'],
    ["no [UNK]", words(tinyVocabulary.filter((token) => token !== "[UNK]")), "without [UNK]"],
    ["a token twice", words([...tinyVocabulary, "good"]), '"good"'],
    ["more tokens than vocab_size", words([...tinyVocabulary, "more"]), `vocab_size is ${tinyVocabulary.length}`],
    ["JSON", '{"model":{}}', "without [PAD]"],
    ["no UTF-8", Uint8Array.of(0xff, 0xfe, 10), "UTF-8"],
  ] as const)("that is %s", async (_, content, part) => {
    bad.put("vocab.txt", content);
    await bad.refused("ERR_VOCABULARY", bad.directory, part);
  });

  it("settings of another tokenizer, or with no room for a text", async () => {
    bad.put("tokenizer_config.json", '{"do_lower_case":"no"}');
    await bad.refused("ERR_CONFIG", bad.at("tokenizer_config.json"), "do_lower_case", "no");
    bad.put("tokenizer_config.json", '{"model_max_length":0.5}');
    await bad.refused("ERR_CONFIG", bad.directory, "model_max_length 0");
    rmSync(bad.at("tokenizer_config.json"));
    rmSync(bad.at("vocab.txt"));
    bad.put("tokenizer.json", '{"model":{"type":"BPE","vocab":{}}}');
    await bad.refused("ERR_VOCABULARY", bad.at("tokenizer.json"), "BPE", "ByteLevel");
  });
});
