/** Whole forwards on several threads: the bits of one thread. And a process that has such a model ends when it is through. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { chooseBackend } from "../../bert/choose-backend.ts";
import { configOfShape } from "../../bert/config.ts";
import { Random } from "../../engine/random.ts";
import { threadCount } from "../../kernels/backends/thread-count.ts";
import { threadedWasmBackend, wasmBackend } from "../../kernels/backends/wasm.ts";
import { built } from "../support/built.ts";
import { randomIds, randomModel } from "../support/random-bert.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

const config = configOfShape(
  { layers: 2, d: 96, h: 3, f: 200 },
  { vocabulary: 50, maxPositions: 70, labels: ["no", "yes"] },
);

it("gives the same bits on 1, 2, 3 and 4 threads, dense and narrowing", async () => {
  const ids = [...randomIds(new Random(3), 6, config, 70), ...randomIds(new Random(4), 3, config, 3)];
  const ways = [{}, { skim: { keepThreshold: 0, attentionThreshold: 1 }, exit: { entropy: 0.9 } }];
  const run = async (threads: number) => {
    const backend = threads === 0 ? wasmBackend() : await threadedWasmBackend({ threads, aloneMs: 0 });
    const model = randomModel(backend, 7, config);
    const results = [];
    for (const dials of ways) results.push(await model.forward(ids, { ...dials, hidden: true }));
    await model.dispose();
    return results.map(({ logits, hidden, trace }) => ({ logits, hidden, trace }));
  };
  const expected = await run(0);
  for (const threads of [1, 2, 3, 4]) expect(await run(threads)).toEqual(expected);
});

it("uses at most one thread a core, and says why", async () => {
  const most = threadCount(10_000);
  expect(most.count).toBeLessThan(10_000);
  expect(most.why).toBe(`10000 asked for; this machine has ${most.count} cores for them`);
  for (const name of ["auto", "wasm"] as const) {
    const { backend, threads } = await chooseBackend(name, { threads: 10_000 });
    expect(threads).toEqual(most);
    expect((backend as { threads?: number }).threads).toBe(most.count);
    backend.dispose();
  }
  const { backend, threads } = await chooseBackend("scalar", { threads: 4 });
  expect(threads).toEqual({ count: 1, why: "it computes on the calling thread" });
  backend.dispose();
});

it("a process with a live threaded model ends by itself", () => {
  const directory = writeTinyModel();
  const folder = mkdtempSync(join(tmpdir(), "taper-threads-"));
  const script = join(folder, "script.mjs");
  writeFileSync(
    script,
    `import { loadModel } from ${JSON.stringify(pathToFileURL(built("index.js")))};
    const model = await loadModel(${JSON.stringify(directory)}, { backend: "wasm", threads: 2 });
    for (let i = 0; i < 20; i++) await model.classify("a good film");
    console.log(model.backend.threads, process.getActiveResourcesInfo().includes("MessagePort"));`,
  );
  try {
    const out = execFileSync(process.execPath, [script], { encoding: "utf8", timeout: 30_000 });
    expect(out.trim()).toMatch(/^[12] false$/);
  } finally {
    for (const path of [directory, folder]) rmSync(path, { recursive: true });
  }
});
