/** Worker threads that each hold a model and answer lines. One that ends makes every later call an error, never a wait. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { TaperError } from "../engine/errors.ts";
import type { AnswerLines } from "./jsonl.ts";
import type { AnsweredLines } from "./jsonl-lines.ts";
import type { CrewAnswer, CrewStart } from "./jsonl-worker.ts";

/** The worker's bundle: beside this file when that is bundled (or a folder up, from a shared chunk), else in dist. */
function workerFile(): URL {
  const candidates = ["./classify-worker.js", "../classify-worker.js", "../dist/classify-worker.js"];
  const found = candidates.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(fileURLToPath(url)));
  if (found !== undefined) return found;
  throw new TaperError("ERR_FILE", `classify-worker.js was not found beside ${import.meta.url}; run npm run build.`);
}

interface Member {
  readonly worker: Worker;
  waiting: { resolve(answered: AnsweredLines): void; reject(error: unknown): void }[];
}

export class JsonlCrew {
  private readonly members: readonly Member[];
  private failure: TaperError | undefined;

  private constructor(members: readonly Member[]) {
    this.members = members;
    for (const [i, { worker }] of members.entries()) {
      worker.on("error", (error) => this.fail(i, error.message));
      worker.on("exit", (code) => this.fail(i, `it ended with code ${code}`));
    }
  }

  /** Starts `count` workers, each with its own model. Throws what stopped the first that could not start; none stays then. */
  static async start(count: number, start: CrewStart): Promise<JsonlCrew> {
    const file = workerFile();
    const members = Array.from({ length: count }, (): Member => {
      return { worker: new Worker(file, { workerData: start }), waiting: [] };
    });
    try {
      await Promise.all(members.map(ready));
    } catch (error) {
      await Promise.all(members.map(({ worker }) => worker.terminate()));
      throw error;
    }
    return new JsonlCrew(members);
  }

  /** The worker with the fewest lines to answer gets them. Throws ERR_BACKEND if a worker has ended. */
  readonly answer: AnswerLines = (lines) => {
    const idlest = this.members.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a));
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) reject(this.failure);
      else {
        idlest.waiting.push({ resolve, reject });
        idlest.worker.postMessage(lines);
      }
    });
  };

  /** Ends one worker, as a crash would. */
  kill(i: number): Promise<number> {
    return this.members[i].worker.terminate();
  }

  async end(): Promise<void> {
    this.failure ??= new TaperError("ERR_DISPOSED", "the workers have ended.");
    await Promise.all(this.members.map(({ worker }) => worker.terminate()));
  }

  private fail(i: number, reason: string): void {
    this.failure ??= new TaperError("ERR_BACKEND", `worker ${i + 1} of ${this.members.length} ended: ${reason}.`);
    for (const member of this.members) {
      for (const { reject } of member.waiting) reject(this.failure);
      member.waiting = [];
    }
  }
}

/** Resolves when its model is loaded; its answers then go to who asked first. */
function ready(member: Member): Promise<void> {
  return new Promise((resolve, reject) => {
    const { worker } = member;
    worker.once("error", reject);
    worker.on("message", (message: CrewAnswer) => {
      if (message.kind === "ready") {
        worker.off("error", reject);
        resolve();
      } else if (message.kind === "refused") {
        reject(new TaperError(message.code, message.message));
      } else member.waiting.shift()?.resolve(message.answered);
    });
  });
}
