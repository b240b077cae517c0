/** What bad input gets from a model: any text an answer; ids, options and calls out of turn an error that names them. */
import { rmSync, truncateSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LoadOptions, loadModel } from "../../bert/load.ts";
import type { ForwardOptions, Model, Text } from "../../bert/model.ts";
import { TaperError } from "../../engine/errors.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { refused, spoiledModel } from "../support/spoiled-model.ts";
import { tinyConfig, tinyVocabulary, writeTinyModel } from "../support/tiny-model.ts";

const bad = spoiledModel();

describe("texts", () => {
  const strange: [name: string, text: Text, truncated: boolean][] = [
    ["nothing", "", false],
    ["white space", " \t\r\n\u00a0\u3000\u2028", false],
    ["100 000 words", "good film ".repeat(50_000), true],
    ["one word of 100 000 letters", "a".repeat(100_000), false],
    ["100 000 emoji", "🎬".repeat(100_000), false],
    ["emoji with joiners and colours", "👩🏽‍🚀 🏳️‍🌈 🇫🇷", false],
    ["lone surrogates", "\ud800 \udc00 good\udfff \ud83d", false],
    ["NUL and other controls", "\u0000go\u0000od\u0007\u001b[2J\u007f\u0085", false],
    ["accents without letters", "\u0301\u0308\u20dd", false],
    ["letters under 1000 accents", `e${"\u0301".repeat(1000)}`, false],
    ["both directions", "\u202e\u05d0\u05d1 good \u0627\u0644", false],
    ["not characters", "\ufffe\uffff\u{10ffff}\ufffd\ufeff", false],
    ["special tokens", "[CLS] [SEP] [PAD] [MASK] [UNK]", false],
    ["30 words", "bad ".repeat(30), false],
    ["31 words", "bad ".repeat(31), true],
    ["a pair of nothing", ["", ""], false],
    ["a pair of too much", ["good ".repeat(1000), "bad ".repeat(1000)], true],
    ["a pair with much after nothing", ["", "bad ".repeat(1000)], true],
  ];

  it.each(["wasm", "scalar"] as const)("every string gets an answer, alone and in a batch, on %s", async (backend) => {
    const model = await loadModel(bad.directory, { backend });
    const texts = strange.map(([, text]) => text);
    const together = await model.classify(texts);
    expect(together.map(({ truncated }, t) => [strange[t][0], truncated])).toEqual(
      strange.map(([name, , truncated]) => [name, truncated]),
    );
    for (const [t, text] of texts.entries()) {
      const { label, scores, trace } = together[t];
      expect(tinyConfig.labels).toContain(label);
      expect(scores[0] + scores[1]).toBeCloseTo(1, 12);
      expect(trace.length).toBeLessThanOrEqual(tinyConfig.maxPositions);
      const [alone] = await model.classify([text]);
      expect(alone).toEqual(together[t]);
      if (typeof text === "string") expect(await model.classify(text)).toEqual(alone);
    }
    expect(await model.classify([])).toEqual([]);
    await model.dispose();
  });

  it("what is no text is refused", async () => {
    const model = await loadModel(bad.directory);
    for (const input of [undefined, null, 5, {}, [5], [["a"]], [["a", "b", "c"]], [null]]) {
      await refused(model.classify(input as unknown as Text[]), "ERR_INPUT");
      await refused(model.embed(input as unknown as Text[]), "ERR_INPUT");
    }
    await model.dispose();
  });
});

describe("a model in use", () => {
  let model: Model;
  beforeEach(async () => {
    model = await loadModel(bad.directory);
  });
  afterEach(() => model.dispose());

  it("names the nearest option", async () => {
    const options = (value: object) => value as ForwardOptions;
    await refused(model.forward([[2, 3]], options({ hiden: true })), "ERR_OPTION", '"hiden"', '"hidden"');
    await refused(model.forward([[2, 3]], null as unknown as ForwardOptions), "ERR_OPTION", "found null");
    await refused(model.classify("good", options({ skimm: false })), "ERR_OPTION", '"skimm"', '"skim"');
    await refused(model.classify("good", options({ hidden: true })), "ERR_OPTION", '"hidden"');
    await refused(
      model.classify("good", options({ skim: { keepTreshold: 1 } })),
      "ERR_OPTION",
      '"keepTreshold"',
      '"keepThreshold"',
    );
    await refused(model.classify("good", options({ exit: { entrpy: 0.5 } })), "ERR_OPTION", '"entrpy"', '"entropy"');
    await refused(model.classify("good", { exit: { entropy: Number.NaN } }), "ERR_OPTION", "exit.entropy", "NaN");
    await refused(model.classify("good", options({ exit: [0.5] })), "ERR_OPTION", "exit", "[0.5]");
    await refused(model.classify("good", options({ skim: true })), "ERR_OPTION", "skim", "true");
    for (const patience of [0, 1.5, Number.NaN, -Infinity]) {
      await refused(model.classify("good", { exit: { patience } }), "ERR_OPTION", "exit.patience", String(patience));
    }
    await model.classify("good", { exit: { patience: Infinity } });
    await refused(model.embed(["good"], options({ hidden: false })), "ERR_OPTION", "embed()", '"hidden"');
  });

  it.each(["token-classification", "question-answering"] as const)(
    "names a %s model's nearest option",
    async (task) => {
      const directory = writeTinyModel({ ...tinyConfig, task }, {});
      const other = await loadModel(directory);
      const options = (value: unknown) => value as ForwardOptions;
      const [method, call] =
        task === "question-answering"
          ? (["answer()", (value: unknown) => other.answer("good?", "a film", options(value))] as const)
          : (["tag()", (value: unknown) => other.tag(["good"], options(value))] as const);
      await refused(call({ skimm: false }), "ERR_OPTION", method, '"skimm"', '"skim"');
      await refused(call({ segments: [[0]] }), "ERR_OPTION", method, '"segments"');
      await refused(call(null), "ERR_OPTION", method, "found null");
      await call({ skim: false });
      await other.dispose();
      rmSync(directory, { recursive: true });
    },
  );

  it("refuses ids and segments that do not fit", async () => {
    const forward = (ids: unknown, segments?: unknown) =>
      model.forward(ids as number[][], { segments: segments as number[][] | undefined });
    await refused(forward([[2, tinyVocabulary.length]]), "ERR_INPUT", "ids[0][1]", String(tinyVocabulary.length));
    await refused(forward([[2], [3, -1]]), "ERR_INPUT", "ids[1][1]", "-1");
    await refused(forward([[2, 1.5]]), "ERR_INPUT", "1.5");
    await refused(forward([[2, "3"]]), "ERR_INPUT", '"3"');
    await refused(forward([[]]), "ERR_INPUT", "found 0");
    await refused(forward([new Array(33).fill(2)]), "ERR_INPUT", "found 33");
    await refused(forward("good"), "ERR_INPUT", "ids: expected a list");
    await refused(forward([2, 3]), "ERR_INPUT", "ids[0]: expected a list");
    await refused(forward([[2, 3]], [[0]]), "ERR_INPUT", "segments[0]");
    await refused(forward([[2, 3]], [[0, 2]]), "ERR_INPUT", "segments[0][1]");
    await refused(forward([[2, 3]], [[0, 0], [0]]), "ERR_INPUT", "a list of 1, found 2");
    await refused(model.forward([[2, 3]], { replay: [] }), "ERR_INPUT", "replay");
    expect((await forward([[2, 3]])).logits).toHaveLength(1);
  });

  it("answers calls under way at once as it answers them in turn", async () => {
    const texts = ["a good film", "", "not very witty , but gorgeous", "bad ".repeat(99)];
    const inTurn = [];
    for (const text of texts) inTurn.push(await model.classify(text));
    const failing = model.forward([[-1]]);
    const [answers] = await Promise.all([
      Promise.all(texts.map((text) => model.classify(text))),
      refused(failing, "ERR_INPUT"),
    ]);
    expect(answers).toEqual(inTurn);
  });

  it("finishes what was asked before dispose() and refuses what comes after", async () => {
    const before = model.classify("good");
    const disposed = model.dispose();
    const after = model.classify("good");
    await refused(after, "ERR_DISPOSED", "load it again");
    expect((await before).trace.length).toBe(3);
    await disposed;
    await model.dispose();
    await refused(model.forward([[2]]), "ERR_DISPOSED");
  });
});

describe("loadModel's options", () => {
  it("needs a directory", async () => {
    for (const nothing of [undefined, null, "", 5]) {
      const message = "the path of its directory";
      await refused(loadModel(nothing as unknown as string), "ERR_OPTION", message);
    }
  });

  it("names the nearest one, and what was found", async () => {
    const load = (options: unknown) => loadModel(bad.directory, options as LoadOptions);
    await refused(load({ bakend: "wasm" }), "ERR_OPTION", '"bakend"', '"backend"');
    await refused(load({ backend: "cuda" }), "ERR_OPTION", '"cuda"', '"wasm"');
    await refused(load({ backend: {} }), "ERR_OPTION", "found {}");
    await refused(load({ threads: 0 }), "ERR_OPTION", "threads", "found 0");
    await refused(load({ tokenBudget: 1.5 }), "ERR_OPTION", "tokenBudget", "1.5");
    await refused(load(null), "ERR_OPTION", "found null");
    await refused(load("wasm"), "ERR_OPTION", 'found "wasm"');
  });

  it.each(["wasm", "scalar", "reference"] as const)("a budget beyond all memory is refused on %s", async (backend) => {
    await refused(loadModel(bad.directory, { backend, tokenBudget: 2 ** 45 }), "ERR_BACKEND", "buffer of");
  });

  it("a backend that was given is disposed when loading fails", async () => {
    const spoil: (() => void)[] = [
      () => rmSync(bad.at("config.json")),
      () => truncateSync(bad.at("model.safetensors"), 100),
      () => bad.putConfig({ num_hidden_layers: 5 }),
    ];
    for (const break_ of spoil) {
      break_();
      const backend = scalarBackend();
      await expect(loadModel(bad.directory, { backend })).rejects.toBeInstanceOf(TaperError);
      expect(() => backend.allocate(1)).toThrow(/disposed/);
    }
  });
});
