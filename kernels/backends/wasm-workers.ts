/**
 * The worker threads of a wasm backend: starts them, hands them jobs, ends them. What they do in between is assembler/threads.ts.
 * In Node they do not keep the process alive. It never waits without a bound: a worker that ended is an error, not a hang.
 */
import { TaperError } from "../../engine/errors.ts";
import { control, mostArguments } from "../assembler/threads.ts";

/** Milliseconds without work after which the next belongs to something else: another forward, say. */
const pauseBetween = 0.2;

/** Shared work that makes waking worthwhile, and the longest that the caller stays alone if it was not; in units of `aloneMs`. */
const worthwhile = 5;
const mostAlone = 16;

/** Shares a thread that what is left of a job is divided into, each time that chunks are taken: with one, a slow thread holds all up. */
const sharesPerThread = 2;

export interface WorkersStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The module's functions in the caller's own instance, those of assembler/threads.ts among them. */
  readonly call: Readonly<Record<string, (...args: number[]) => void>>;
  /** Address of the control block. */
  readonly control: number;
  /** For each worker the address of its own scratch memory; the caller is thread 0, these are 1, 2, … */
  readonly scratches: readonly number[];
  /** Names of the tasks, by number. */
  readonly tasks: readonly string[];
  /** Milliseconds of work that the caller does alone before it wakes workers that sleep: a few times what that costs. Default 0.2. */
  readonly aloneMs?: number;
  /** Waits of a millisecond without a chunk done that the caller bears before it gives up. Default 20 000. */
  readonly patience?: number;
}

export interface Workers {
  /**
   * Finishes the job before, then begins this one: it may return while workers do the chunks of this task, so that the caller prepares the
   * next meanwhile. Throws ERR_BACKEND if a worker has ended, and what an operation threw.
   */
  run(task: string, args: readonly number[], chunks: number): void;
  /** Returns when nothing is under way, having helped. Whoever looks at what an operation reads or writes calls this first. Throws like `run`. */
  finish(): void;
  /** Throws what `run` would: ERR_BACKEND if a worker has ended. */
  check(): void;
  /** Ends the workers. */
  end(): void;
}

/** What Node's workers and browsers' have in common. */
interface Thread {
  post(message: unknown): void;
  /** Lets the process end though the thread has not. */
  release(): void;
  terminate(): void;
}

interface Listener {
  ready(): void;
  ended(reason: string): void;
}

/** Resolves when all workers are ready. Throws ERR_BACKEND if one cannot start; none stays then. */
export async function startWorkers(start: WorkersStart): Promise<Workers> {
  const { module, memory, call, scratches, tasks, aloneMs = 0.2, patience = 20_000 } = start;
  const numbers = new Map(tasks.map((name, number) => [name, number]));
  const words = new Int32Array(memory.buffer, start.control, (control.arguments >> 2) + mostArguments);
  const at = (word: keyof typeof control) => control[word] >> 2;
  const ended = start.control + control.ended;
  const threads: Thread[] = [];
  let failure: TaperError | undefined;

  words[at("shares")] = sharesPerThread * (scratches.length + 1);

  const end = (): void => {
    failure ??= new TaperError("ERR_DISPOSED", "the wasm backend was disposed; make a new one");
    Atomics.store(words, at("stop"), 1);
    Atomics.add(words, at("epoch"), 1);
    Atomics.notify(words, at("epoch"));
    for (const thread of threads) thread.terminate();
  };
  const fail = (reason: string): TaperError => {
    const remedy = "load the model again, or with threads: 1";
    if (failure !== undefined) return failure;
    failure = new TaperError("ERR_BACKEND", `wasm: a worker thread ended: ${reason}; ${remedy}`);
    end();
    return failure;
  };
  /** For chunks that last, or a thread that got no processor, or ended. */
  const waitFor = (chunks: number): void => {
    let last = 0;
    for (let waits = 0; waits < patience; waits++) {
      const done = Atomics.load(words, at("done"));
      if (done === chunks) return;
      if (Atomics.load(words, at("ended")) > 0) throw fail("an error stopped it in an operation");
      if (done !== last) waits = 0;
      last = done;
      pause(words, at("done"), done);
    }
    throw fail(`no progress in ${patience} ms`);
  };

  await Promise.all(
    scratches.map(
      (scratch, i) =>
        new Promise<void>((ready, reject) => {
          const thread = startThread({ ready, ended: (reason) => reject(fail(reason)) });
          threads.push(thread);
          thread.post({ module, env: { memory, scratch, thread: i + 1 }, ended });
        }),
    ),
  ).catch((error) => {
    throw error instanceof TaperError ? error : fail(String(error));
  });
  for (const thread of threads) thread.release();

  const check = (): void => {
    if (failure !== undefined) throw failure;
  };

  /** Milliseconds of work alone after which workers are woken: more after they were woken for little. */
  let enough = aloneMs;
  /** Milliseconds of work done alone in a row, and of work shared since workers were woken; and when the last work ended. */
  let alone = 0;
  let shared = Number.POSITIVE_INFINITY;
  let endedAt = 0;
  /** While all workers sleep: does chunks alone as long as that is better than waking them. Gives the first chunk left over. */
  const begin = (task: string, args: readonly number[], chunks: number): number => {
    let now = performance.now();
    if (now - endedAt > pauseBetween) alone = 0;
    let first = 0;
    // More at a time as they turn out to be quick: many at once cost less.
    for (let taken = 1; first < chunks && alone < enough; taken *= 2) {
      const last = Math.min(chunks, first + taken);
      call[task](...args, first, last);
      first = last;
      endedAt = performance.now();
      alone += endedAt - now;
      now = endedAt;
    }
    return first;
  };
  /** Before they are woken: was it worth it the last time? */
  const reckon = (): void => {
    enough = shared < worthwhile * aloneMs ? Math.min(2 * enough, mostAlone * aloneMs) : aloneMs;
    shared = 0;
    alone = 0;
  };
  /** Chunks of the job that is under way, and when it began. */
  let pending = 0;
  let startedAt = 0;
  const finish = (): void => {
    if (pending === 0) return;
    const chunks = pending;
    pending = 0;
    check();
    try {
      call.finish();
    } catch (error) {
      // The others may still be at work on this job: there can be no next one.
      fail("an operation failed");
      throw error;
    }
    if (Atomics.load(words, at("done")) !== chunks) waitFor(chunks);
    endedAt = performance.now();
    shared += endedAt - startedAt;
  };
  return {
    run(task, args, chunks) {
      check();
      finish();
      const allSleep = Atomics.load(words, at("sleepers")) === scratches.length;
      const first = allSleep ? begin(task, args, chunks) : 0;
      if (first === chunks) return;
      if (allSleep) reckon();
      words[at("task")] = numbers.get(task)!;
      words[at("chunks")] = chunks;
      for (let i = 0; i < args.length; i++) words[at("arguments") + i] = args[i];
      startedAt = performance.now();
      pending = chunks;
      call.offer(first, allSleep ? 1 : 0);
    },
    finish,
    check,
    end,
  };
}

function startThread({ ready, ended }: Listener): Thread {
  const node = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  if (node === undefined) {
    // Bundlers look for exactly this expression.
    const worker = new Worker(new URL("./wasm-thread.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ready);
    worker.addEventListener("error", ({ message }) => ended(message || "its script could not be loaded"));
    return { post: (message) => worker.postMessage(message), release() {}, terminate: () => worker.terminate() };
  }
  // The process's own flags are for its main script: a loader among them would be loaded again.
  const worker = new node.Worker(new URL("./wasm-thread.js", import.meta.url), { execArgv: [] });
  worker.on("message", ready);
  worker.on("error", ({ message }) => ended(message));
  worker.on("exit", (code) => ended(`it exited with code ${code}`));
  return {
    post: (message) => worker.postMessage(message),
    release: () => worker.unref(),
    terminate: () => void worker.terminate(),
  };
}

/** About a millisecond, asleep where that is allowed: not on a browser's main thread. */
function pause(words: Int32Array, index: number, value: number): void {
  if (typeof document === "undefined") {
    Atomics.wait(words, index, value, 1);
    return;
  }
  const start = performance.now();
  while (performance.now() - start < 1 && Atomics.load(words, index) === value);
}
