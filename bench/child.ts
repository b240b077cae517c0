/**
 * The other end of bench/measured-process.ts: a fresh process that imports a build of this package by its path, loads a model, and runs
 * rounds when it is told to. It uses the public surface only, so that builds of other commits can be compared; it decides nothing.
 */
import { pathToFileURL } from "node:url";
import type { Model, Text } from "../bert/model.ts";
import type { Opened, RoundResult, Task, WayResult } from "./measured-process.ts";

interface Open {
  readonly model: Model;
  readonly task: Task;
}

async function open(task: Task): Promise<{ open: Open; opened: Opened }> {
  const start = performance.now();
  const build = (await import(pathToFileURL(task.build).href)) as typeof import("../index.ts");
  const imported = performance.now();
  const model = await build.loadModel(task.model, task.options);
  const loadMs = performance.now() - imported;
  const { name, variant } = model.backend;
  return { open: { model, task }, opened: { importMs: imported - start, loadMs, backend: name, variant } };
}

/** Every way over every text, tokenisation and forward apart. */
async function round({ model, task }: Open): Promise<RoundResult> {
  const ways: Record<string, WayResult> = {};
  for (const { name, dials, replay } of task.ways) {
    let tokeniseMs = 0;
    let forwardMs = 0;
    let macs = 0;
    const answers: number[] = [];
    for (const [t, text] of task.texts.entries()) {
      const start = performance.now();
      const { ids, segments } = isText(text) ? model.encode(text) : text;
      const encoded = performance.now();
      const { logits, trace } = await model.forward([ids], {
        segments: [segments],
        ...dials,
        ...(replay && { replay: [replay[t]] }),
      });
      forwardMs += performance.now() - encoded;
      tokeniseMs += encoded - start;
      macs += trace[0].macs;
      answers.push(logits[0].indexOf(Math.max(...logits[0])));
    }
    ways[name] = { tokeniseMs, forwardMs, macs, answers };
  }
  return { ways, peakBytes: 1024 * process.resourceUsage().maxRSS };
}

function isText(text: Task["texts"][number]): text is Text {
  return typeof text === "string" || Array.isArray(text);
}

let state: Open | undefined;

async function answer(message: Task | "round"): Promise<Opened | RoundResult> {
  if (message === "round") return round(state!);
  const { open: opened, opened: result } = await open(message);
  state = opened;
  return result;
}

process.on("message", (message: Task | "round") => {
  answer(message).then(
    (result) => process.send!({ result }),
    (error: unknown) => {
      const { message: text, code } = error as Error & { code?: string };
      process.send!({ error: { message: text, code } });
    },
  );
});
process.on("disconnect", () => process.exit());
