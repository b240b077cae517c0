// Models come and go: does their memory come back? Each way of running in a process of its own, which loads, uses and disposes of the
// bundled model again and again, with the slope of its resident memory; then what happens when a worker thread is killed.
// Flat means: over the last three quarters of the cycles the slope is at most 5 MiB for 100 cycles, or at most three times its standard
// error, and the last quarter lies at most a model's size above the second. Exits 1 if anything is not as it should be.
// Usage, after npm run build: node scripts/soak.mjs [--cycles 200] [--model DIR] [--json]
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadModel } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    cycles: { type: "string", default: "200" },
    model: { type: "string", default: fileURLToPath(new URL("../models/sst2-12x128", import.meta.url)) },
    json: { type: "boolean", default: false },
    // Of the child: the options of loadModel.
    child: { type: "string" },
  },
});
const cycles = Number(values.cycles);
const mebi = 2 ** 20;
const texts = ["A gorgeous, witty, seductive movie.", "dull", "It was not very good, but the two leads were."];

const ways = {
  "1 thread": { threads: 1 },
  "4 threads": { threads: 4 },
  "1 thread, int8": { threads: 1, dtype: "int8" },
  "1 thread, scalar": { backend: "scalar" },
};

if (values.child !== undefined) await cycle(JSON.parse(values.child));
else await main();

/** Prints the resident bytes after each cycle, as JSON. */
async function cycle(options) {
  const resident = [];
  for (let i = 0; i < cycles; i++) {
    const model = await loadModel(values.model, options);
    for (const { score } of await model.classify(texts)) if (!(score > 0)) throw new Error(`a score of ${score}`);
    await model.dispose();
    // Threads end, and their memory goes, in turns of the event loop.
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      globalThis.gc();
    }
    resident.push(process.memoryUsage.rss());
  }
  console.log(JSON.stringify(resident));
}

async function main() {
  const size = statSync(`${values.model}/model.safetensors`).size;
  const results = {};
  for (const [name, options] of Object.entries(ways)) {
    const argv = ["--expose-gc", fileURLToPath(import.meta.url), "--child", JSON.stringify(options)];
    argv.push("--cycles", values.cycles, "--model", values.model);
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    if (status !== 0) throw new Error(`${name}: ${stderr}`);
    const resident = JSON.parse(stdout);
    const { slope, error } = line(resident.slice(cycles >> 2));
    const quarter = (q) => median(resident.slice((q * cycles) >> 2, ((q + 1) * cycles) >> 2));
    const flat = (slope <= 0.05 * mebi || slope <= 3 * error) && quarter(3) - quarter(1) <= size;
    results[name] = { slope: (100 * slope) / mebi, error: (100 * error) / mebi, flat };
    const [first, last] = [resident[cycles >> 2], resident[cycles - 1]].map((bytes) => (bytes / mebi).toFixed(0));
    const per100 = `${results[name].slope.toFixed(2)} ± ${results[name].error.toFixed(2)} MiB per 100 cycles`;
    console.log(
      `${name.padEnd(17)} ${cycles} cycles: ${first} → ${last} MiB, slope ${per100}: ${flat ? "flat" : "GROWS"}`,
    );
    if (!flat) process.exitCode = 1;
  }
  results.killed = await killed();
  if (values.json) console.log(JSON.stringify(results));
}

/** What a call answers after one of the model's threads was killed. */
async function killed() {
  const workers = [];
  process.on("worker", (worker) => workers.push(worker));
  const model = await loadModel(values.model, { threads: 4 });
  await model.classify(texts);
  if (workers.length === 0) {
    console.log("killed thread     this machine has one core and no worker threads");
    await model.dispose();
    return undefined;
  }
  await workers[0].terminate();
  const began = performance.now();
  const error = await model.classify(texts).then(
    () => undefined,
    (thrown) => thrown,
  );
  const ms = performance.now() - began;
  await model.dispose();
  const said = error === undefined ? "AN ANSWER" : `${error.code}, "${error.message}"`;
  console.log(`killed thread     1 of ${workers.length} killed: the next call gives ${said} after ${ms.toFixed(1)} ms`);
  if (error?.code !== "ERR_BACKEND") process.exitCode = 1;
  return { code: error?.code, ms };
}

/** Least squares over equidistant values: the slope of a step and its standard error. */
function line(list) {
  const n = list.length;
  const [middle, mean] = [(n - 1) / 2, list.reduce((a, b) => a + b, 0) / n];
  const spread = list.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  const slope = list.reduce((sum, y, i) => sum + (i - middle) * (y - mean), 0) / spread;
  const squares = list.reduce((sum, y, i) => sum + (y - mean - slope * (i - middle)) ** 2, 0);
  return { slope, error: Math.sqrt(squares / (n - 2) / spread) };
}

function median(list) {
  return [...list].sort((a, b) => a - b)[list.length >> 1];
}
