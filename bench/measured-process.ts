/**
 * A fresh process with one build of this package and one model in it, that runs rounds on request: so that a cold start is cold, and two
 * builds can take turns. The parent keeps the time of the process as a whole; the child that of its parts.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendName } from "../bert/choose-backend.ts";
import type { Dials } from "../bert/dials.ts";
import type { LoadOptions } from "../bert/load.ts";
import type { Text } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../bert/trace.ts";
import { type ErrorCode, TaperError } from "../engine/errors.ts";

export interface ProcessWay {
  readonly name: string;
  readonly dials: Dials;
  /** One per text. */
  readonly replay?: readonly Trace[] | undefined;
}

export interface Task {
  /** The index.js of a build. */
  readonly build: string;
  /** A model directory. */
  readonly model: string;
  /** For the build's `loadModel`. */
  readonly options: Pick<LoadOptions, "threads" | "simd" | "dtype"> & { readonly backend?: BackendName | undefined };
  /** Texts to tokenise in every query, or ids as they are. */
  readonly texts: readonly (Text | TokenIds)[];
  readonly ways: readonly ProcessWay[];
}

/** Milliseconds of importing the build and of loading the model. */
export interface Opened {
  readonly importMs: number;
  readonly loadMs: number;
  readonly backend: string;
  readonly variant: string;
}

/** Sums over all texts. */
export interface WayResult {
  readonly tokeniseMs: number;
  readonly forwardMs: number;
  readonly macs: number;
  /** The largest logit of each text. */
  readonly answers: readonly number[];
}

export interface RoundResult {
  readonly ways: Readonly<Record<string, WayResult>>;
  /** The most memory that the process has had so far. */
  readonly peakBytes: number;
}

/** dist/: where the child's bundle lies, beside this file when that is bundled (or a folder up, from a shared chunk). */
export function builtDirectory(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = [here, join(here, ".."), join(here, "../dist")];
  const found = candidates.find((directory) => existsSync(join(directory, "bench-child.js")));
  if (found !== undefined) return found;
  throw new TaperError(
    "ERR_FILE",
    `bench-child.js was not found (looked in ${candidates.join(", ")}); run npm run build.`,
  );
}

/** Cores that a process can be kept on, by Linux's `taskset`; none elsewhere. */
export function coresToPin(): number[] {
  const allowed = (core: number): boolean => spawnSync("taskset", ["-c", String(core), "true"]).status === 0;
  return Array.from({ length: availableParallelism() }, (_, core) => core).filter(allowed);
}

export class MeasuredProcess {
  readonly opened: Opened;
  private readonly child: ChildProcess;
  private readonly name: string;

  private constructor(name: string, child: ChildProcess, opened: Opened) {
    this.name = name;
    this.child = child;
    this.opened = opened;
  }

  /** Starts a process, on one core if it is given, and loads the model in it. `name` stands in errors. Throws what the child met. */
  static async start(name: string, task: Task, core?: number): Promise<MeasuredProcess> {
    const pinned = { execPath: "taskset", execArgv: ["-c", String(core), process.execPath] };
    const child = fork(join(builtDirectory(), "bench-child.js"), {
      execArgv: [],
      ...(core !== undefined && pinned),
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "advanced",
    });
    try {
      return new MeasuredProcess(name, child, await ask<Opened>(name, child, task));
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** Runs every way over every text once. */
  round(): Promise<RoundResult> {
    return ask(this.name, this.child, "round");
  }

  /** Ends the process; one that has ended by itself is left at that. */
  async stop(): Promise<void> {
    if (!this.child.connected) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.disconnect();
    await ended;
  }
}

interface Reply {
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code?: string };
}

function ask<T>(name: string, child: ChildProcess, message: Task | "round"): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      child.off("error", onError);
      act();
    };
    const onMessage = ({ result, error }: Reply): void =>
      settle(() => (error === undefined ? resolve(result as T) : reject(failure(name, error))));
    const onExit = (code: number | null): void =>
      settle(() => reject(new TaperError("ERR_BACKEND", `${name}: its process ended with code ${code}.`)));
    const onError = ({ message: why }: Error): void =>
      settle(() => reject(new TaperError("ERR_BACKEND", `${name}: its process does not run: ${why}.`)));
    child.once("error", onError);
    child.on("message", onMessage);
    child.once("exit", onExit);
    child.send(message as object);
  });
}

function failure(name: string, { message, code }: NonNullable<Reply["error"]>): TaperError {
  const known = code?.startsWith("ERR_") && !code.startsWith("ERR_MODULE") ? (code as ErrorCode) : "ERR_FILE";
  return new TaperError(known, `${name}: ${message}`);
}
