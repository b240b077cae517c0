/**
 * One library in a fresh process, called as its users call it. It imports next to nothing before the clock runs, so that an
 * import is cold, and prints its answer as the last line.
 */
import { peakMemory } from "../peak-memory.ts";
import type { Ort } from "../peers/onnxruntime.ts";
import type { Transformers } from "../peers/transformers.ts";
import type { LibraryAnswers, LibraryFigures, LibraryTask } from "./task.ts";

interface Classifier {
  classify(input: string | readonly string[], signal?: AbortSignal): Promise<{ label: string; score: number }[]>;
  ids(text: string): readonly number[];
  logits(text: string): Promise<Float32Array>;
}

interface Opened {
  readonly importMs: number;
  readonly loadMs: number;
  readonly classifier: Classifier;
}

async function openTaper({ entry, model, options }: LibraryTask): Promise<Opened> {
  const start = performance.now();
  const { pipeline } = (await import(entry)) as Pick<typeof import("../../pipeline/pipeline.ts"), "pipeline">;
  const imported = performance.now();
  const classify = await pipeline("text-classification", model, options);
  const loaded = performance.now();
  return {
    importMs: imported - start,
    loadMs: loaded - imported,
    classifier: {
      classify: (input, signal) => classify(input, { signal }),
      ids: (text) => classify.model.encode(text).ids,
      logits: async (text) => (await classify.model.forward([classify.model.encode(text).ids])).logits[0],
    },
  };
}

async function openTransformers({ entry, model, options, runtime }: LibraryTask): Promise<Opened> {
  const start = performance.now();
  if (runtime !== undefined) {
    const onnxruntime = (await import(runtime.entry)) as Ort;
    Object.assign(onnxruntime.env.wasm, { wasmPaths: runtime.files, numThreads: runtime.threads });
    Object.assign(globalThis, { [Symbol.for("onnxruntime")]: onnxruntime });
  }
  const { env, pipeline } = (await import(entry)) as Transformers;
  const imported = performance.now();
  const [home, name] = [model.slice(0, model.lastIndexOf("/")), model.slice(model.lastIndexOf("/") + 1)];
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, useFSCache: false, localModelPath: home });
  const classify = await pipeline("text-classification", name, { ...options, local_files_only: true });
  const loaded = performance.now();
  const encode = (text: string) => classify.tokenizer(text, { padding: true, truncation: true });
  return {
    importMs: imported - start,
    loadMs: loaded - imported,
    classifier: {
      classify: (input) => classify(input),
      ids: (text) => Array.from(encode(text).input_ids.data, Number),
      logits: async (text) => (await classify.model(encode(text))).logits.data,
    },
  };
}

async function check({ classifier }: Opened, { texts }: LibraryTask): Promise<LibraryAnswers> {
  const logits: number[][] = [];
  for (const text of texts) logits.push(Array.from(await classifier.logits(text)));
  const batch = await classifier.classify(texts);
  return { ids: texts.map((text) => classifier.ids(text)), logits, batch };
}

async function time({ importMs, loadMs, classifier }: Opened, { texts }: LibraryTask): Promise<LibraryFigures> {
  const firstMs = await elapsed(() => classifier.classify(texts[0]));
  // Once more than it counts: compilers settle.
  for (const text of texts) await classifier.classify(text);
  const times: number[] = [];
  for (const text of texts) times.push(await elapsed(() => classifier.classify(text)));
  const batchMs = await elapsed(() => classifier.classify(texts));
  const cancelMs = await cancelled(classifier, texts, batchMs / 2);
  return { importMs, loadMs, firstMs, textMs: middle(times), batchMs, cancelMs, peakBytes: peakMemory() };
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Counted from when the caller gives up, which a busy thread may not notice at once. */
async function cancelled(classifier: Classifier, texts: readonly string[], after: number): Promise<number> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), after);
  const start = performance.now();
  const settled = await classifier.classify(texts, controller.signal).then(
    () => performance.now(),
    (error: unknown) => {
      if (controller.signal.aborted) return performance.now();
      throw error;
    },
  );
  clearTimeout(timer);
  return Math.max(0, settled - start - after);
}

function middle(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const task = JSON.parse(process.argv[2]) as LibraryTask;
const opened = await (task.library === "taperbert" ? openTaper(task) : openTransformers(task));
console.log(JSON.stringify(await (task.mode === "check" ? check(opened, task) : time(opened, task))));
process.exit(0);
