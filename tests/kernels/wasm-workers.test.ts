/** Workers themselves, on small modules of their own: who does what, what happens when one ends, and that nobody waits for ever. */
import type { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { atomic } from "../../kernels/assembler/atomics.ts";
import type { FunctionBuilder } from "../../kernels/assembler/function.ts";
import { constantEnd, ModuleBuilder } from "../../kernels/assembler/module.ts";
import { controlBytes, defineThreads, mostArguments } from "../../kernels/assembler/threads.ts";
import { type Int, i32 } from "../../kernels/assembler/values.ts";
import { threadedWasmBackend } from "../../kernels/backends/wasm.ts";
import { startWorkers, type Workers, type WorkersStart } from "../../kernels/backends/wasm-workers.ts";

const [initialPages, maximumPages] = [2, 64];
const cells = 65536;
const started: Worker[] = [];
const running: Workers[] = [];
process.on("worker", (worker) => started.push(worker as unknown as Worker));
afterEach(() => {
  for (const workers of running.splice(0)) workers.end();
});

/** `workers` threads besides this one, on a module with the one task `body`, which writes to the words at `cells`. */
async function start(
  workers: number,
  body: (f: FunctionBuilder, module: ModuleBuilder, cell: (i: Int) => Int, first: Int) => void,
  options: Partial<WorkersStart> = {},
) {
  const module = new ModuleBuilder({ initialPages, maximumPages, shared: true });
  module.task("task", ["to"], (f, to, first, last) =>
    f.while(i32.ltU(first, last), () => {
      body(f, module, (i) => i32.add(to, i32.shl(i, 2)), first);
      f.advance(first, 1);
    }),
  );
  defineThreads(module, constantEnd);
  const memory = new WebAssembly.Memory({ initial: initialPages, maximum: maximumPages, shared: true });
  const compiled = new WebAssembly.Module(module.encode());
  const scratch = constantEnd + controlBytes;
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, scratch, thread: 0 } });
  const here = await startWorkers({
    ...{ module: compiled, memory, tasks: ["task"], control: constantEnd, aloneMs: 0 },
    call: exports as WorkersStart["call"],
    scratches: Array.from({ length: workers }, (_, i) => scratch + 64 * (i + 1)),
    ...options,
  });
  running.push(here);
  const run = (chunks: number) => {
    here.run("task", [cells], chunks);
    here.finish();
  };
  return { memory, run, workers: here };
}

const ended = expect.objectContaining({
  code: "ERR_BACKEND",
  message: expect.stringContaining("a worker thread ended"),
});
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Waits in the module until all of `count` threads have come here. */
const meet = (f: FunctionBuilder, place: Int, count: number) => {
  f.drop(atomic.add(place, 1));
  f.while(i32.ltU(atomic.load(place), count), () => {});
};

it("does every chunk of every job once, whoever comes late", async () => {
  const { memory, run } = await start(3, (f, _, cell, first) => f.drop(atomic.add(cell(first), 1)));
  const expected = new Int32Array(40);
  for (let job = 0; job < 20_000; job++) {
    const chunks = 1 + (job % expected.length);
    run(chunks);
    for (let i = 0; i < chunks; i++) expected[i]++;
    // Long enough for workers to fall asleep, now and then.
    if (job % 1000 === 0) await sleep(2);
  }
  expect(new Int32Array(memory.buffer, cells, expected.length)).toEqual(expected);
});

it("runs on all threads, each with its number", async () => {
  const { memory, run } = await start(3, (f, module, cell) => {
    f.drop(atomic.add(cell(i32.add(module.thread, 1)), 1));
    meet(f, cell(0), 4);
  });
  run(4);
  expect([...new Int32Array(memory.buffer, cells, 5)]).toEqual([4, 1, 1, 1, 1]);
});

it("returns while workers are at a job, and begins the next when it is done", async () => {
  const { memory, workers } = await start(1, (f, _, cell, first) => {
    f.while(i32.eqz(atomic.load(cell(8))), () => {});
    f.drop(atomic.add(cell(first), 1));
  });
  const words = new Int32Array(memory.buffer, cells, 9);
  workers.run("task", [cells], 2);
  expect([...words.subarray(0, 2)]).toEqual([0, 0]);
  Atomics.store(words, 8, 1);
  workers.run("task", [cells], 3);
  expect(words[1]).toBeGreaterThan(0);
  workers.finish();
  workers.finish();
  expect([...words.subarray(0, 4)]).toEqual([2, 2, 1, 0]);
});

it("lets workers write to memory that grew while they slept", async () => {
  const to = 20 * 65536;
  const { memory, run } = await start(2, (f, module, cell) => {
    f.fill(i32.add(to, i32.shl(module.thread, 6)), 7, 64);
    meet(f, cell(0), 3);
  });
  await sleep(20);
  memory.grow(20);
  run(3);
  expect(new Uint8Array(memory.buffer, to, 192).every((byte) => byte === 7)).toBe(true);
});

it("refuses a task with more arguments than there is room for", () => {
  const module = new ModuleBuilder({ initialPages, maximumPages, shared: true });
  const names = Array.from({ length: mostArguments + 1 }, (_, i) => `a${i}`);
  module.task("long", names, () => {});
  expect(() => defineThreads(module, constantEnd)).toThrow("long has more than");
});

it("reports an error in a worker's chunk, and stays broken", async () => {
  const { run, workers } = await start(1, (f, module, cell) => {
    meet(f, cell(0), 2);
    // Nobody's memory.
    f.if(module.thread, () => f.fill(-64, 0, 64));
  });
  expect(() => run(2)).toThrow(ended);
  expect(() => run(2)).toThrow(ended);
  expect(() => workers.check()).toThrow(ended);
});

it("does not wait for ever for a worker that never comes back", async () => {
  const never = (f: FunctionBuilder, module: ModuleBuilder, cell: (i: Int) => Int) => {
    meet(f, cell(0), 2);
    f.if(module.thread, () => f.while(i32.eqz(atomic.load(cell(1))), () => {}));
  };
  const { run } = await start(1, never, { patience: 20 });
  expect(() => run(2)).toThrow("no progress in 20 ms");
});

it("reports an error in the caller's own chunk as it is, and starts no other job", async () => {
  const { run } = await start(1, (f, module, cell) => {
    meet(f, cell(0), 2);
    f.if(i32.eqz(module.thread), () => f.fill(-64, 0, 64));
  });
  expect(() => run(2)).toThrow(WebAssembly.RuntimeError);
  expect(() => run(2)).toThrow(ended);
});

it("reports a worker that cannot start, and leaves no thread behind", async () => {
  started.length = 0;
  const tooLarge = new ModuleBuilder({ initialPages: initialPages + 1, maximumPages, shared: true });
  const module = new WebAssembly.Module(tooLarge.encode());
  await expect(start(2, () => {}, { module })).rejects.toThrow(ended);
  expect(started.length).toBe(2);
  await Promise.all(started.map(gone));
});

/** Resolves when a thread has ended. */
const gone = (worker: Worker): Promise<unknown> =>
  worker.threadId === -1 ? Promise.resolve() : new Promise((resolve) => worker.once("exit", resolve));

it("starts a worker for every thread but the caller's, and ends them with dispose()", async () => {
  started.length = 0;
  const backend = await threadedWasmBackend({ threads: 3 });
  expect([started.length, backend.threads]).toEqual([2, 3]);
  const all = Promise.all(started.map(gone));
  await sleep(20);
  backend.dispose();
  await all;
  expect(() => backend.allocate(1)).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
});

it("a killed worker makes the next operation an error", async () => {
  started.length = 0;
  const backend = await threadedWasmBackend({ threads: 3 });
  const [out, x] = [backend.allocate(64), backend.allocate(64)];
  const soft = () => backend.op("softmax", { out, x, n: 8, m: 8 });
  soft();
  await started[0].terminate();
  await sleep(0);
  expect(soft).toThrow(ended);
  await Promise.all(started.map(gone));
  backend.dispose();
});
