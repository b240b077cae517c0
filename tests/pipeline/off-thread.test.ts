/** Both ends of a pipeline whose model is in a worker, over a channel: the same answers, errors, aborts and end as without one. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import type { BertConfig } from "../../bert/config.ts";
import { urlFiles } from "../../engine/url-files.ts";
import type { Request } from "../../pipeline/messages.ts";
import { startPipeline, type Thread } from "../../pipeline/off-thread.ts";
import { pipeline } from "../../pipeline/pipeline.ts";
import { type Port, serve } from "../../pipeline/serve.ts";
import { refused } from "../support/spoiled-model.ts";
import { tinyConfig, writeTinyModel } from "../support/tiny-model.ts";

const made: string[] = [];
const ends: (() => void)[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
  for (const end of ends) end();
});

function filesFor(changes: Partial<BertConfig>): Record<string, Uint8Array> {
  const directory = writeTinyModel({ ...tinyConfig, ...changes }, {});
  made.push(directory);
  return Object.fromEntries(
    readdirSync(directory).map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]),
  );
}

/** The worker's end on this thread, with what crosses cloned as it would be. */
function channel(): { start: () => Thread; thread: Thread; sent: Request[]; isEnded: () => boolean } {
  const { port1, port2 } = new MessageChannel();
  serve(port2 as unknown as Port);
  const sent: Request[] = [];
  let isEnded = false;
  const end = (): void => {
    isEnded = true;
    port1.close();
  };
  ends.push(end);
  const thread = Object.assign(port1 as unknown as Thread, { terminate: end, onerror: null });
  const post = port1.postMessage.bind(port1);
  thread.postMessage = (message) => {
    sent.push(message);
    post(message);
  };
  return { start: () => thread, thread, sent, isEnded: () => isEnded };
}

it("answers every task as a pipeline on this thread does", async () => {
  const context = "the film was very good but the movie was dull";
  const cases = [
    ["text-classification", {}, [["a good film", "bad"], { topK: null, skim: false }]],
    ["sentiment-analysis", {}, ["a good film"]],
    ["ner", { task: "token-classification", labels: ["O", "B-X"] }, [context, { ignoreLabels: [] }]],
    ["question-answering", { task: "question-answering" }, ["was it good", context, { topK: 2 }]],
    ["feature-extraction", { task: "embedding" }, [["a good film", "bad"]]],
  ] as const;
  for (const [task, changes, args] of cases) {
    const files = filesFor(changes);
    const { start, isEnded } = channel();
    const away = await startPipeline(task, files, {}, start);
    await using here = await pipeline(task, files);
    const run = (call: unknown) => (call as (...args: readonly unknown[]) => Promise<unknown>)(...args);
    const found = await run(away.call);
    const expected = await run(here);
    if (task === "feature-extraction") {
      const [a, b] = [found, expected] as { tolist(): unknown; dims: unknown; type: unknown; size: unknown }[];
      expect([a.tolist(), a.dims, a.type, a.size]).toEqual([b.tolist(), b.dims, b.type, b.size]);
    } else {
      expect(found).toEqual(expected);
    }
    expect(away.info).toEqual(here.info);
    await away.dispose();
    await away.dispose();
    expect(isEnded()).toBe(true);
    await refused(run(away.call), "ERR_DISPOSED");
  }
});

it("errors keep their code, and a worker whose model cannot load is ended", async () => {
  const files = filesFor({});
  const { start, isEnded } = channel();
  await refused(startPipeline("ner", files, {}, start), "ERR_OPTION", "needs a model for token-classification");
  expect(isEnded()).toBe(true);
  const { call, dispose } = await startPipeline("text-classification", files, {}, channel().start);
  await refused(call("good", { topK: 0 }), "ERR_OPTION", "topK");
  await refused(call("good", { topk: 1 } as object), "ERR_OPTION", '"topk"');
  await refused(call(7 as unknown as string), "ERR_INPUT", "found 7");
  await refused(call("good", null as unknown as object), "ERR_OPTION");
  await refused(call((() => "good") as unknown as string), "ERR_INPUT", "worker: false");
  await refused(call("good", { signal: {} as AbortSignal }), "ERR_OPTION", "AbortSignal");
  expect(await call("good")).toHaveLength(1);
  await dispose();
});

it("an abort is answered with its reason, and stops the worker's call", async () => {
  const { start, sent } = channel();
  const { call, dispose } = await startPipeline("text-classification", filesFor({}), {}, start);
  const stop = new AbortController();
  const many = new Array(3000).fill("a very good film but a dull movie");
  const stopped = call(many, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 5);
  await expect(stopped).rejects.toThrow("enough");
  expect(sent.map(({ kind }) => kind)).toEqual(["load", "call", "abort"]);
  await expect(call("good", { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
  expect(sent).toHaveLength(3);
  // Nobody aborts what has been answered.
  const late = new AbortController();
  await call("good", { signal: late.signal });
  late.abort();
  expect(sent.map(({ kind }) => kind)).toEqual(["load", "call", "abort", "call"]);
  await dispose();
});

it("a worker that ends is an error for all who wait and all who come", async () => {
  const { start, thread, isEnded } = channel();
  const { call } = await startPipeline("text-classification", filesFor({}), {}, start);
  const waiting = call("good");
  thread.onerror?.({ message: "out of memory", preventDefault() {} } as ErrorEvent);
  await refused(waiting, "ERR_BACKEND", "out of memory", "worker: false");
  await refused(call("good"), "ERR_BACKEND", "out of memory");
  expect(isEnded()).toBe(true);
  const start2 = (): never => {
    throw new Error("not from another origin");
  };
  await refused(startPipeline("ner", {}, {}, start2), "ERR_BACKEND", "another origin", "pipeline-worker.js");
});

it("under Node there is no worker, and asking for one is refused", async () => {
  const files = filesFor({});
  await refused(pipeline("ner", files, { worker: true }), "ERR_OPTION", "no web workers");
  await refused(pipeline("ner", files, { worker: 1 as unknown as boolean }), "ERR_OPTION", "true or false");
  await using classify = await pipeline("text-classification", files, { worker: false });
  expect(classify.model.info).toMatchObject({ backend: "wasm", threads: 1 });
});

it("a file that an extension lacks is absent, not unreachable", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  try {
    const extension = urlFiles(new URL("chrome-extension://abc/model"));
    expect(await extension.bytes("taperbert.json", 100)).toBeUndefined();
    expect(await extension.has("modules.json")).toBe(false);
    await refused(urlFiles(new URL("https://abc/model")).bytes("config.json", 100), "ERR_FILE", "Failed to fetch");
  } finally {
    vi.unstubAllGlobals();
  }
});
