/**
 * A thread of `npm run fuzz`: takes ranges of inputs from the main thread and tells what became of them. The number of the input under
 * way stands in shared memory, where the main thread sees it if this one hangs or dies.
 */
import { parentPort, workerData } from "node:worker_threads";
import { inputOf } from "./inputs.ts";
import { probe } from "./probe.ts";
import { makeSubjects } from "./subjects.ts";
import { startTexts } from "./text-probe.ts";

export interface Start {
  readonly seed: number;
  /** [0]: the input under way. */
  readonly now: SharedArrayBuffer;
}

export interface Range {
  readonly what: "file" | "text";
  readonly first: number;
  readonly end: number;
}

export interface Done {
  readonly range: Range;
  /** How often each pair of what it was and what became of it. */
  readonly counts: readonly (readonly [kind: string, outcome: string, count: number])[];
  readonly failures: readonly { readonly index: number; readonly what: string; readonly error: string }[];
  readonly slowest: { readonly ms: number; readonly index: number };
}

// Most inputs end in an error, and a long trace of each takes longer than the rest.
Error.stackTraceLimit = 5;

const { seed, now } = workerData as Start;
const under = new Int32Array(now);
const subjects = await makeSubjects();
const texts = await startTexts(subjects);

async function run(range: Range): Promise<Done> {
  const counts = new Map<string, number>();
  const failures: Done["failures"][number][] = [];
  let slowest: Done["slowest"] = { ms: 0, index: range.first };
  for (let index = range.first; index < range.end; index++) {
    Atomics.store(under, 0, index);
    const began = performance.now();
    let what = "";
    try {
      if (range.what === "file") {
        const input = inputOf(seed, index, subjects);
        what = `${input.kind}${input.onDisk ? ", on disk" : ""}`;
        count(`${what}\n${await probe(input)}`);
      } else {
        const { sort } = await texts.probe(seed, index);
        count(`${sort}\nanswered`);
      }
    } catch (error) {
      failures.push({ index, what, error: described(error) });
    }
    const ms = performance.now() - began;
    if (ms > slowest.ms) slowest = { ms, index };
  }
  return {
    range,
    counts: [...counts].map(([key, n]) => [...(key.split("\n") as [string, string]), n]),
    failures,
    slowest,
  };

  function count(key: string): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = (error.stack ?? error.message).split("\n").slice(0, 6).join("\n");
  return error.cause === undefined ? stack : `${stack}\n  because of ${described(error.cause)}`;
}

parentPort?.on("message", async (range: Range) => parentPort?.postMessage(await run(range)));
parentPort?.postMessage("ready");
