/**
 * One dense forward on one thread, shared by several, and as many independent forwards at once as there are threads: interleaved, on the
 * same weights. The third is what the machine itself gives to so many threads at that moment, with nothing shared and nobody waited
 * for; cores that share caches, or a host with neighbours, give less than their number. It asserts nothing about time.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { BertConfig } from "../bert/config.ts";
import type { Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../engine/errors.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { threadedWasmBackend, wasmBackend } from "../kernels/backends/wasm.ts";
import type { ForwardOrder, ForwardWorkerStart } from "./forward-worker.ts";
import { measure } from "./measure.ts";
import { builtDirectory } from "./measured-process.ts";
import { randomModel, randomText } from "./random-model.ts";
import { median, pairwiseRatios, type Summary, sum, summarise } from "./statistics.ts";
import { settle } from "./variants.ts";

export interface ThreadsRow {
  readonly tokens: number;
  /** Milliseconds of a forward on one thread, and shared by all. */
  readonly oneMs: Summary;
  readonly sharedMs: Summary;
  /** How many times as fast the shared one is, by the rounds. */
  readonly faster: Summary;
  /** How many times as many forwards a second the machine does on all threads, each on its own: the most that `faster` could be. */
  readonly independent: Summary;
  /** The first over the second: median of the rounds. */
  readonly ofIndependent: number;
}

export interface ThreadsOptions {
  readonly threads: number;
  readonly variant: Variant;
  /** Rounds a length. Default 15. */
  readonly runs?: number | undefined;
  /** No further round of a length after so many seconds. Default 10. */
  readonly seconds?: number | undefined;
  /** Shortest time of a sample on one thread: quick models run several times in one. Default 20. */
  readonly sampleMs?: number | undefined;
  readonly progress?: ((line: string) => void) | undefined;
}

export interface ThreadsBench {
  /** Times a text of so many tokens. Throws ERR_BACKEND if one thread and several give different bits. */
  time(tokens: number): Promise<ThreadsRow>;
  dispose(): Promise<void>;
}

/** Milliseconds to warm up for: enough for V8 to optimise what a forward runs. */
const settlingMs = 300;

/** Models and workers of a shape, ready to be timed. Throws ERR_BACKEND where the variant or its workers cannot run. */
export async function openThreadsBench(
  config: BertConfig,
  { threads, variant, runs = 15, seconds = 10, sampleMs = 20, progress = () => undefined }: ThreadsOptions,
): Promise<ThreadsBench> {
  progress(`a model on 1 thread, one on ${threads}`);
  const one = randomModel(config, {}, wasmBackend({ variant }), 1);
  const shared = randomModel(config, {}, await threadedWasmBackend({ variant, threads }), 1);
  progress(`${threads - 1} workers with models of their own`);
  const crew = await startCrew({ config, variant }, threads - 1);
  return {
    async time(tokens) {
      progress(`${tokens} tokens`);
      const text = randomText(tokens, config.vocabulary, tokens);
      for (const model of [one, shared]) await settle(variant, () => forwards(model, text, 1), settlingMs);
      sameBits(await logitsOf(shared, text), await logitsOf(one, text), threads);
      const start = performance.now();
      await forwards(one, text, 1);
      const times = Math.max(1, Math.ceil(sampleMs / (performance.now() - start)));
      await crew.forwards({ text, times });
      const rates: number[] = [];
      const functions = {
        one: () => forwards(one, text, times),
        shared: () => forwards(shared, text, times),
        independent: async () => {
          const others = crew.forwards({ text, times });
          const ownStart = performance.now();
          await forwards(one, text, times);
          const own = (performance.now() - ownStart) / times;
          rates.push(sum([own, ...(await others)].map((ms) => 1 / ms)));
        },
      };
      // Once untimed each: the weights come into the caches, and the workers awake.
      const prepare = (name: string) =>
        name === "independent" ? undefined : forwards(name === "one" ? one : shared, text, 1);
      const { samples, ratio } = await measure(functions, { runs, seconds, warmup: 0, prepare });
      const [oneMs, sharedMs] = [samples.one, samples.shared].map((all) => all.map((ms) => ms / times));
      const independent = oneMs.map((ms, round) => ms * rates[round]);
      return {
        tokens,
        oneMs: summarise(oneMs),
        sharedMs: summarise(sharedMs),
        faster: ratio("one", "shared"),
        independent: summarise(independent),
        ofIndependent: median(pairwiseRatios(pairwiseRatios(oneMs, sharedMs), independent)),
      };
    },
    async dispose() {
      await Promise.all([one.dispose(), shared.dispose(), crew.end()]);
    },
  };
}

const logitsOf = async (model: Model, text: TokenIds) =>
  (await model.forwardEncodings([text], { skim: false, exit: false })).logits;

async function forwards(model: Model, text: TokenIds, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await logitsOf(model, text);
}

type Logits = Awaited<ReturnType<typeof logitsOf>>;

function sameBits(found: Logits, expected: Logits, threads: number): void {
  const [a, b] = [found, expected].map((texts) => texts.flatMap((logits) => [...logits]));
  if (a.length === b.length && a.every((value, i) => Object.is(value, b[i]))) return;
  throw new TaperError(
    "ERR_BACKEND",
    `${threads} threads gave the logits ${a}, one gave ${b}; expected the same bits.`,
  );
}

interface Crew {
  /** All do the same at once; gives each one's milliseconds a forward. */
  forwards(order: ForwardOrder): Promise<number[]>;
  end(): Promise<unknown>;
}

async function startCrew(start: ForwardWorkerStart, count: number): Promise<Crew> {
  const file = join(builtDirectory(), "forward-worker.js");
  const workers = Array.from({ length: count }, () => new Worker(file, { workerData: start }));
  const end = () => Promise.all(workers.map((worker) => worker.terminate()));
  const answers = <T>(): Promise<T[]> => Promise.all(workers.map(answerOf<T>));
  try {
    await answers<string>();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    forwards(order) {
      const answered = answers<number>();
      for (const worker of workers) worker.postMessage(order);
      return answered;
    },
    end,
  };
}

/** The next message of a worker. Rejects with what ended it. */
function answerOf<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number) => reject(new TaperError("ERR_BACKEND", `a worker ended with code ${code}`));
    worker.once("error", reject);
    worker.once("exit", ended);
    worker.once("message", (message: T) => {
      worker.off("error", reject);
      worker.off("exit", ended);
      resolve(message);
    });
  });
}
