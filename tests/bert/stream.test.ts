/** Texts one by one, signals that stop, models that go away. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import type { Model } from "../../bert/model.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { refused } from "../support/spoiled-model.ts";
import { tinyConfig, writeTinyModel } from "../support/tiny-model.ts";

let directory: string;
let model: Model;
beforeAll(async () => {
  directory = writeTinyModel();
  model = await loadModel(directory);
});
afterAll(async () => {
  await model.dispose();
  rmSync(directory, { recursive: true });
});

const texts = Array.from(
  { length: 40 },
  (_, i) => ["a good film", "bad", "the movie was not very good but it was witty"][i % 3],
);

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

/** Counts the texts of every forward. */
function counting(): { model: Model; batches: number[] } {
  const batches: number[] = [];
  const spy = Object.create(model) as Model;
  spy.classifyEncodings = (encodings, options) => {
    batches.push(encodings.length);
    return model.classifyEncodings(encodings, options);
  };
  return { model: spy, batches };
}

describe("stream", () => {
  it("takes lists and generators of texts, and neither one text nor what is none", async () => {
    for (const one of ["good", 5, undefined, {}]) {
      await refused(collect(model.stream(one as never)), "ERR_INPUT", "expected an iterable of texts");
    }
    await refused(
      collect(model.stream(["good", 5 as never])),
      "ERR_INPUT",
      "text 1: expected a text or a pair of texts",
    );
  });

  it("answers as one by one, in order, in batches within the budget", async () => {
    const alone = await Promise.all(texts.map((text) => model.classify(text)));
    const { model: spy, batches } = counting();
    expect(await collect(spy.stream(texts, { batchTokens: 30 }))).toEqual(alone);
    expect(batches.reduce((a, b) => a + b, 0)).toBe(texts.length);
    expect(batches.length).toBeGreaterThan(5);
    expect(Math.max(...batches)).toBeGreaterThan(1);
    const lengths = texts.map((text) => model.encode(text).ids.length);
    let from = 0;
    for (const count of batches) {
      const tokens = lengths.slice(from, from + count).reduce((a, b) => a + b, 0);
      expect(count === 1 || tokens <= 30).toBe(true);
      from += count;
    }
  });

  it("does not keep a slow source's text waiting for the next", async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    async function* slow(): AsyncGenerator<string> {
      yield "good";
      await gate;
      yield "bad";
    }
    const answers = model.stream(slow());
    expect((await answers.next()).value).toMatchObject({ label: expect.any(String) });
    release();
    expect((await answers.next()).done).toBe(false);
    expect((await answers.next()).done).toBe(true);
  });

  it("reads no further than it answers", async () => {
    let read = 0;
    function* endless(): Generator<string> {
      for (;;) {
        read++;
        yield "a good film";
      }
    }
    for await (const _ of model.stream(endless(), { batchTokens: 20 })) break;
    expect(read).toBeLessThan(10);
  });

  it("passes on what the source throws, and refuses what is no text", async () => {
    async function* failing(): AsyncGenerator<string> {
      yield "good";
      throw new RangeError("no more");
    }
    await expect(collect(model.stream(failing()))).rejects.toThrow("no more");
    await refused(collect(model.stream([7 as unknown as string])), "ERR_INPUT", "text 0");
    // What came before the error is answered first, however fast the source is.
    const seen: string[] = [];
    const counted = (async () => {
      for await (const { label } of model.stream(["good", "bad", 7 as never])) seen.push(label);
    })();
    await refused(counted, "ERR_INPUT", "text 2");
    expect(seen).toHaveLength(2);
    await refused(collect(model.stream([], { batchTokens: 0 })), "ERR_OPTION", "batchTokens");
  });
});

describe("signals", () => {
  it("an aborted signal stops before anything runs, with its own reason", async () => {
    const reason = new RangeError("enough");
    const signal = AbortSignal.abort(reason);
    await expect(model.classify("good", { signal })).rejects.toBe(reason);
    await expect(model.embed(["good"], { signal })).rejects.toBe(reason);
    await expect(collect(model.stream(texts, { signal }))).rejects.toBe(reason);
    await refused(model.classify("good", { signal: {} as AbortSignal }), "ERR_OPTION", "AbortSignal");
  });

  it("stops between two layers: no further product runs", async () => {
    const backend = scalarBackend();
    const controller = new AbortController();
    const { op } = backend;
    let attentions = 0;
    backend.op = (name, args) => {
      if (name === "attention") attentions++;
      if (attentions === 2) setImmediate(() => controller.abort());
      op(name, args);
    };
    const slow = await loadModel(directory, { backend });
    const { signal } = controller;
    const dense = { skim: false, exit: false } as const;
    await expect(slow.classify("a good film", { ...dense, signal })).rejects.toMatchObject({ name: "AbortError" });
    await slow.classify("good", dense);
    expect(attentions).toBe(2 + tinyConfig.layers);
    await slow.dispose();
  });

  it("ends a call that still waits for its turn, and leaves the others alone", async () => {
    const controller = new AbortController();
    const first = model.classify(texts);
    const second = model.classify(texts, { signal: controller.signal });
    const third = model.classify(texts);
    controller.abort();
    await expect(second).rejects.toMatchObject({ name: "AbortError" });
    expect(await third).toEqual(await first);
  });

  it("a signal that stays quiet changes nothing", async () => {
    const { signal } = new AbortController();
    expect(await model.classify(texts, { signal })).toEqual(await model.classify(texts));
  });
});

it("disposes itself where it was used", async () => {
  const own = await loadModel(directory);
  await own[Symbol.asyncDispose]();
  await refused(own.classify("good"), "ERR_DISPOSED");
});

it("explains: words at their places, the layers they saw, the exit and its certainty", async () => {
  const text = "A good film, but dull.";
  const found = await model.explain(text, { skim: { keepThreshold: 0.2 }, exit: { entropy: 0.99 } });
  const { trace, label, score } = await model.classify(text, { skim: { keepThreshold: 0.2 }, exit: { entropy: 0.99 } });
  expect(found).toMatchObject({
    label,
    score,
    exitLayer: trace.exitLayer,
    macs: trace.macs,
    layers: tinyConfig.layers,
  });
  for (const { start, end, text: word } of found.words) expect(text.slice(start, end)).toBe(word);
  expect(found.words.map(({ text }) => text).join("")).toBe("Agoodfilm,butdull.");
  expect(found.words.some(({ stayed }) => stayed) || found.rowsPerLayer.includes(1)).toBe(true);
  expect(found.entropy).toBeGreaterThan(0);
  expect(found.entropy).toBeLessThanOrEqual(1);
  expect(found.drawing).toContain("layer  rows");
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
});
