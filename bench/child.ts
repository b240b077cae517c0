/**
 * The other end of bench/measured-process.ts: a fresh process that imports a build of this package by its path, loads a model, and runs
 * rounds when it is told to. It uses the public surface only, so that builds of other commits can be compared; it decides nothing.
 */
import { pathToFileURL } from "node:url";
import type { Model, Text } from "../bert/model.ts";
import type { Opened, RoundResult, Task, WayResult } from "./measured-process.ts";
import { peakMemory } from "./peak-memory.ts";

async function open(task: Task): Promise<{ model: Model; opened: Opened }> {
  const start = performance.now();
  const build = (await import(pathToFileURL(task.build).href)) as Pick<typeof import("../bert/load.ts"), "loadModel">;
  const imported = performance.now();
  const model = await build.loadModel(task.model, task.options);
  const loadMs = performance.now() - imported;
  const { name, variant } = model.backend;
  return { model, opened: { importMs: imported - start, loadMs, backend: name, variant } };
}

/** Every way over every text, tokenisation and forward apart. */
async function round(model: Model, { texts, ways }: Task): Promise<RoundResult> {
  const results: Record<string, WayResult> = {};
  for (const { name, dials, replay } of ways) {
    let tokeniseMs = 0;
    let forwardMs = 0;
    let macs = 0;
    const answers: number[] = [];
    for (const [t, text] of texts.entries()) {
      const start = performance.now();
      const tokens = isText(text) ? model.encode(text) : text;
      const encoded = performance.now();
      const options = { ...dials, ...(replay && { replay: [replay[t]] }) };
      const { logits, trace } = await model.forwardEncodings([tokens], options);
      forwardMs += performance.now() - encoded;
      tokeniseMs += encoded - start;
      macs += trace[0].macs;
      answers.push(logits[0].indexOf(Math.max(...logits[0])));
    }
    results[name] = { tokeniseMs, forwardMs, macs, answers };
  }
  return { ways: results, peakBytes: peakMemory() };
}

function isText(text: Task["texts"][number]): text is Text {
  return typeof text === "string" || Array.isArray(text);
}

/** The first message is the task, each later one asks for a round. */
function serve(): void {
  let opened: { task: Task; model: Model } | undefined;
  const answer = async (message: Task | "round"): Promise<Opened | RoundResult> => {
    if (message === "round") return round(opened!.model, opened!.task);
    const result = await open(message);
    opened = { task: message, model: result.model };
    return result.opened;
  };
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
}

serve();
