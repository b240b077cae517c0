/** The worker threads of a run, as one object: a batch goes in, summed figures come out. If one worker fails, all end. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { TaperError } from "../engine/errors.ts";
import { prepareEngine } from "./engine-flags.ts";
import { addSums, noSums, type Shard, type Sums } from "./objective.ts";
import type { WorkerAnswer, WorkerStart, WorkerTask } from "./worker.ts";

export interface CrewAnswer {
  readonly sums: Sums;
  readonly macs: number;
  readonly norm: number;
  /** Of the slowest worker. */
  readonly computeMs: number;
}

/** The worker's bundle: beside this file when that is bundled (or a folder up, from a shared chunk), else in dist. */
function workerFile(): URL {
  const candidates = ["./train-worker.js", "../train-worker.js", "../dist/train-worker.js"];
  const urls = candidates.map((path) => new URL(path, import.meta.url));
  const found = urls.find((url) => existsSync(fileURLToPath(url)));
  if (found !== undefined) return found;
  throw new TaperError("ERR_FILE", `train-worker.js was not found (looked for ${urls.join(", ")}); run npm run build.`);
}

export class Crew {
  /** Which build of the backend the workers run. */
  readonly variant: string;
  private readonly workers: readonly Worker[];
  private failure: unknown;
  private reject: ((reason: unknown) => void) | undefined;

  private constructor(workers: readonly Worker[], variant: string) {
    this.workers = workers;
    this.variant = variant;
    for (const [i, worker] of workers.entries()) {
      worker.on("error", (error) => this.fail(i, error));
      worker.on("exit", (code) => this.fail(i, new Error(`it ended with code ${code}`)));
    }
  }

  /** Starts `count` workers. Throws what stopped the first one that could not start. */
  static async start(count: number, common: Omit<WorkerStart, "worker">): Promise<Crew> {
    const file = workerFile();
    prepareEngine(common.variant);
    const workers = Array.from(
      { length: count },
      (_, worker) => new Worker(file, { workerData: { ...common, worker } satisfies WorkerStart }),
    );
    const ready = workers.map(
      (worker) =>
        new Promise<string>((resolve, reject) => {
          worker.once("error", reject);
          worker.once("message", ({ ready }: { ready: string }) => {
            worker.off("error", reject);
            resolve(ready);
          });
        }),
    );
    try {
      const variants = await Promise.all(ready);
      return new Crew(workers, variants[0]);
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      throw error;
    }
  }

  /** One step of learning from a shard per worker. */
  step(shards: readonly Shard[], step: number, steps: number): Promise<CrewAnswer> {
    return this.all(shards.map((shard) => ({ kind: "step", shard, step, steps })));
  }

  /** Figures of a shard per worker. */
  measure(shards: readonly Shard[]): Promise<CrewAnswer> {
    return this.all(shards.map((shard) => ({ kind: "measure", shard })));
  }

  async end(): Promise<void> {
    this.failure ??= new TaperError("ERR_DISPOSED", "the workers have ended.");
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }

  private all(tasks: readonly WorkerTask[]): Promise<CrewAnswer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(this.failure);
        return;
      }
      this.reject = reject;
      const answers = new Array<WorkerAnswer>(this.workers.length);
      let missing = this.workers.length;
      for (const [i, worker] of this.workers.entries()) {
        worker.once("message", (answer: WorkerAnswer) => {
          answers[i] = answer;
          if (--missing === 0) resolve(summed(answers));
        });
        worker.postMessage(tasks[i]);
      }
    });
  }

  private fail(worker: number, cause: unknown): void {
    if (this.failure !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.failure =
      cause instanceof TaperError ? cause : new TaperError("ERR_BACKEND", `worker ${worker}: ${reason}`, { cause });
    this.reject?.(this.failure);
    void Promise.all(this.workers.map((other) => other.terminate()));
  }
}

/** Adds in the order of the workers, whoever answered first. */
function summed(answers: readonly WorkerAnswer[]): CrewAnswer {
  return {
    sums: answers.map(({ sums }) => sums).reduce(addSums, noSums),
    macs: answers.reduce((sum, { macs }) => sum + macs, 0),
    norm: answers[0].norm,
    computeMs: Math.max(...answers.map(({ computeMs }) => computeMs)),
  };
}
