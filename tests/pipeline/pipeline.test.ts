/** Pipelines: transformers.js's shapes, from every kind of source. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import type { BertConfig } from "../../bert/config.ts";
import type { Features } from "../../pipeline/feature-extraction.ts";
import type { LabelScore, QuestionAnswer, TokenEntity } from "../../pipeline/outputs.ts";
import { pipeline } from "../../pipeline/pipeline.ts";
import { refused } from "../support/spoiled-model.ts";
import { tinyConfig, writeTinyModel } from "../support/tiny-model.ts";

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

function directoryFor(changes: Partial<BertConfig>): string {
  const directory = writeTinyModel({ ...tinyConfig, ...changes }, {});
  made.push(directory);
  return directory;
}

const labels = ["low", "middle", "high"];

describe("text-classification", () => {
  it("one text, several, and several answers", async () => {
    const classify = await pipeline("text-classification", directoryFor({ labels }));
    const one = await classify("a good film");
    expectTypeOf(one).toEqualTypeOf<LabelScore[]>();
    expect(one).toEqual([{ label: expect.any(String), score: expect.any(Number) }]);
    const two = await classify(["a good film", "bad"]);
    expectTypeOf(two).toEqualTypeOf<LabelScore[]>();
    expect(two).toHaveLength(2);
    expect(two[0]).toEqual(one[0]);
    const all = await classify("a good film", { topK: null });
    expectTypeOf(all).toEqualTypeOf<LabelScore[]>();
    expect(all.map(({ label }) => label).sort()).toEqual([...labels].sort());
    expect(all[0]).toEqual(one[0]);
    expect(all[0].score).toBeGreaterThanOrEqual(all[1].score);
    expect(all.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 6);
    const lists = await classify(["a good film", "bad"], { top_k: 2 });
    expectTypeOf(lists).toEqualTypeOf<LabelScore[][]>();
    expect(lists.map((list) => list.length)).toEqual([2, 2]);
    expect(lists[0]).toEqual(all.slice(0, 2));
    await classify.dispose();
    await refused(classify("good"), "ERR_DISPOSED");
  });

  it("knows the options of loadModel and its own, and what others are called here", async () => {
    const source = directoryFor({});
    const refuse = (options: object, ...parts: string[]) =>
      refused(pipeline("text-classification", source, options), "ERR_OPTION", ...parts);
    await refuse({ wroker: true }, 'pipeline() has no option "wroker"', 'did you mean "worker"?');
    await refuse({ device: "webgpu" }, '"device"', "say backend");
    await refuse({ quantized: true }, '"quantized"', 'dtype: "int8"');
    await refuse({ dtype: "q8" }, '"int8" is what that is called here');
  });

  it("pairs, and what it refuses", async () => {
    await using classify = await pipeline("sentiment-analysis", directoryFor({}));
    const [pair] = await classify({ text: "good", text_pair: "bad film" });
    const [direct] = await classify.model.classify([["good", "bad film"]]);
    expect(pair).toEqual({ label: direct.label, score: direct.score });
    await refused(classify("good", { topk: 2 } as object), "ERR_OPTION", '"topk"', '"top');
    await refused(classify("good", { topK: 0 }), "ERR_OPTION", "topK");
    await refused(classify("good", { topK: 1, top_k: 1 }), "ERR_OPTION", "one option");
    await refused(classify([7] as unknown as string[]), "ERR_INPUT", "found 7");
    await expect(classify("good", { signal: AbortSignal.abort(new Error("stop")) })).rejects.toThrow("stop");
  });

  it("labels that do not exclude each other have a sigmoid each", async () => {
    await using classify = await pipeline("text-classification", directoryFor({ labels, multiLabel: true }));
    const found = await classify("a good film", { topK: null });
    const { logits } = await classify.model.forward([classify.model.encode("a good film").ids]);
    for (const { label, score } of found) {
      expect(score).toBeCloseTo(1 / (1 + Math.exp(-logits[0][labels.indexOf(label)])), 6);
    }
  });

  it("a single label, as cross-encoders have, is scored by itself", async () => {
    await using classify = await pipeline("text-classification", directoryFor({ labels: ["relevant"] }));
    const texts = [
      { text: "good", text_pair: "bad film" },
      { text: "a film", text_pair: "the movie was dull" },
    ];
    const scores = (await classify(texts)).map(({ score }) => score);
    const encodings = texts.map(({ text, text_pair }) => classify.model.encode([text, text_pair]));
    const { logits } = await classify.model.forwardEncodings(encodings);
    expect(scores).toEqual(logits.map(([logit]) => expect.closeTo(1 / (1 + Math.exp(-logit)), 6)));
    expect(scores[0]).not.toBeCloseTo(scores[1], 3);
  });
});

it("token-classification leaves out special tokens and O", async () => {
  await using tag = await pipeline("ner", directoryFor({ task: "token-classification", labels: ["O", "B-X", "I-X"] }));
  const text = "the film was very gorgeously dull";
  const all = await tag(text, { ignore_labels: [] });
  expectTypeOf(all).toEqualTypeOf<TokenEntity[]>();
  expect(all.map(({ word }) => word)).toEqual(["the", "film", "was", "very", "gorgeous", "##ly", "dull"]);
  expect(all.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  for (const { start, end, word } of all) expect(text.slice(start, end)).toBe(word.replace("##", ""));
  const [some] = await tag([text]);
  expectTypeOf(some).toEqualTypeOf<TokenEntity[]>();
  expect(some).toEqual(all.filter(({ entity }) => entity !== "O"));
});

it("question-answering: one, several, pair by pair", async () => {
  await using answer = await pipeline("question-answering", directoryFor({ task: "question-answering" }));
  const context = "the film was very good but the movie was dull";
  const one = await answer("was it good", context);
  expectTypeOf(one).toEqualTypeOf<QuestionAnswer>();
  expect(context.slice(one.start, one.end)).toBe(one.answer);
  const three = await answer("was it good", context, { topK: 3 });
  expectTypeOf(three).toEqualTypeOf<QuestionAnswer[]>();
  expect(three).toHaveLength(3);
  expect(three[0]).toEqual(one);
  expect(three[0].score).toBeGreaterThanOrEqual(three[1].score);
  expect(new Set(three.map(({ start, end }) => `${start} ${end}`)).size).toBe(3);
  const many = await answer(["was it good", "dull"], context);
  expectTypeOf(many).toEqualTypeOf<QuestionAnswer[]>();
  expect(many).toHaveLength(2);
  expect(many[0]).toEqual(one);
  expect(await answer("was it", "")).toEqual({ answer: "", score: 0, start: 0, end: 0 });
  const short = await answer("was it good", context, { maxTokens: 1, topK: 100 });
  for (const { answer: text } of short) expect(text).not.toContain(" ");
  await refused(answer(["a", "b"], ["c", "d", "e"]), "ERR_INPUT", "2 and 3");
});

describe("feature-extraction", () => {
  it("a state for each token, or one vector", async () => {
    await using embed = await pipeline("feature-extraction", directoryFor({ task: "embedding" }));
    const states = await embed(["a good film", "bad"]);
    expectTypeOf(states).toEqualTypeOf<Features>();
    expect(states.dims).toEqual([2, 5, tinyConfig.d]);
    expect(Array.from(states.data.slice(-2 * tinyConfig.d))).toEqual(new Array(2 * tinyConfig.d).fill(0));
    const vectors = await embed(["a good film", "bad"], { pooling: "mean", normalize: true });
    expect(vectors.dims).toEqual([2, tinyConfig.d]);
    const [first] = vectors.tolist() as number[][];
    expect(first.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    const [mean] = await embed.model.embed(["a good film"]);
    const column = Array.from({ length: 5 }, (_, i) => states.data[i * tinyConfig.d]);
    expect(mean[0]).toBeCloseTo(column.reduce((a, b) => a + b, 0) / 5, 5);
    await refused(embed("good", { pooling: "max" as "mean" }), "ERR_OPTION", "pooling");
  });

  it("takes pooling, length and normalisation from the model's files", async () => {
    const directory = directoryFor({ task: "embedding" });
    const put = (name: string, json: unknown): void => writeFileSync(join(directory, name), JSON.stringify(json));
    const files = Object.fromEntries(
      readdirSync(directory).map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]),
    );
    const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    const modules = [
      { idx: 0, type: "sentence_transformers.models.Transformer", path: "" },
      { idx: 1, type: "sentence_transformers.models.Pooling", path: "1_Pooling" },
      { idx: 2, type: "sentence_transformers.models.Normalize", path: "2_Normalize" },
    ];
    const own = {
      ...files,
      "modules.json": json(modules),
      "1_Pooling/config.json": json({ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }),
      "sentence_bert_config.json": json({ max_seq_length: 4 }),
    };
    await using embed = await pipeline("feature-extraction", own);
    const vectors = await embed(["a good film", "a good movie"]);
    expect(vectors.dims).toEqual([2, tinyConfig.d]);
    // Cut to four tokens, both texts are the same.
    expect(vectors.data.slice(0, tinyConfig.d)).toEqual(vectors.data.slice(tinyConfig.d));
    const { hidden = [] } = await embed.model.forward([embed.model.encode("a good film").ids], { hidden: true });
    const cls = hidden[0].slice(0, tinyConfig.d);
    const length = Math.hypot(...cls);
    expect(vectors.data[0]).toBeCloseTo(cls[0] / length, 5);

    const refusedWith = async (changes: Record<string, Uint8Array>, ...parts: string[]): Promise<void> =>
      refused(pipeline("feature-extraction", { ...own, ...changes }), "ERR_CONFIG", ...parts);
    await refusedWith({ "modules.json": json([{ type: "sentence_transformers.models.Dense" }]) }, "Dense");
    await refusedWith({ "modules.json": json([{ type: "x.Pooling", path: "../../etc" }]) }, "path");
    await refusedWith({ "1_Pooling/config.json": json({ pooling_mode_max_tokens: true }) }, "pooling_mode");
    put("modules.json", {});
    await refused(pipeline("feature-extraction", directory), "ERR_CONFIG", "modules.json");
  });
});

describe("sources", () => {
  let directory: string;
  let server: Server;
  let url: string;
  const asked: string[] = [];
  beforeAll(async () => {
    directory = directoryFor({});
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "", "http://localhost");
      asked.push(request.url ?? "");
      const name = pathname.replace(/^\/model\//, "");
      if (pathname.startsWith("/broken/")) {
        response.writeHead(200, { "content-length": "1000" });
        response.write("{");
        setTimeout(() => response.destroy(), 20);
      } else if (pathname.startsWith("/page/")) {
        response.writeHead(200, { "content-type": "text/html" }).end("<html>");
      } else if (pathname.startsWith("/denied/")) {
        response.writeHead(403).end();
      } else if (readdirSync(directory).includes(name)) {
        response.writeHead(200).end(readFileSync(join(directory, name)));
      } else {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  it("a directory, file and http URLs, and bytes give one model", async () => {
    const files = Object.fromEntries(
      readdirSync(directory).map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]),
    );
    const answers = [];
    for (const source of [directory, pathToFileURL(directory), `${url}/model`, new URL(`${url}/model/?key=1`), files]) {
      await using classify = await pipeline("text-classification", source);
      answers.push(await classify("a good film"));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(asked).toContain("/model/config.json?key=1");
    await refused(
      pipeline("text-classification", { ...files, "config.json": "{}" } as unknown as string),
      "ERR_OPTION",
    );
  });

  it("says what is missing and where", async () => {
    await refused(pipeline("text-classification", `${url}/nowhere`), "ERR_FILE", `${url}/nowhere/config.json`);
    await refused(pipeline("text-classification", `${url}/page`), "ERR_FILE", `${url}/page/config.json`);
    await refused(pipeline("text-classification", `${url}/denied`), "ERR_FILE", "403");
    await refused(pipeline("text-classification", `${url}/broken`), "ERR_FILE", "broke off");
    await refused(pipeline("text-classification", "http://127.0.0.1:1/x"), "ERR_FILE", "cannot be read");
    await refused(pipeline("text-classification", {}), "ERR_FILE", "config.json");
  });

  it("another task, or none", async () => {
    await refused(pipeline("token-classification", directory), "ERR_OPTION", "sequence-classification");
    await refused(pipeline("text-clasification" as "ner", directory), "ERR_OPTION", '"text-classification"');
  });
});
