// Damaged model files and random texts by the million, on all cores: nothing may crash, hang, take memory without bound or read outside
// of a model's directory. Exits 1 if anything does, with the command that has it again. Needs no build.
// Usage: npm run fuzz -- [--seed 1] [--files 20000] [--texts 5000] [--threads CORES] [--first 0] [--seconds-per-input 20] [--json]
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { bundled } from "./bundled.mjs";

const number = (value) => ({ type: "string", default: String(value) });
const { values } = parseArgs({
  options: {
    seed: number(1),
    files: number(20_000),
    texts: number(5000),
    threads: number(availableParallelism()),
    first: number(0),
    "seconds-per-input": number(20),
    json: { type: "boolean", default: false },
  },
});
const count = (name, least) => {
  const found = Number(values[name]);
  if (Number.isSafeInteger(found) && found >= least) return found;
  console.error(`fuzz: --${name}: expected a whole number from ${least}, found ${values[name]}`);
  process.exit(2);
};
const [seed, files, texts, first] = ["seed", "files", "texts", "first"].map((name) => count(name, 0));
const [threads, patience] = [count("threads", 1), count("seconds-per-input", 1)];

// Directories are made and removed by the ten thousand: in memory, where there is such a file system.
if (process.env.TMPDIR === undefined && existsSync("/dev/shm")) process.env.TMPDIR = "/dev/shm";

const bundle = await bundled("tests/fuzz/worker.ts");

const rangeLength = 500;
function* ranges() {
  for (const [what, total] of Object.entries({ file: files, text: texts })) {
    for (let at = first; at < first + total; at += rangeLength) {
      yield { what, first: at, end: Math.min(at + rangeLength, first + total) };
    }
  }
}
const waiting = ranges();
/** Ranges that a lost thread left behind. */
const again = [];
const totals = { file: new Map(), text: new Map() };
const slowest = { file: { ms: 0, index: 0 }, text: { ms: 0, index: 0 } };
const failures = [];
const began = performance.now();
let done = 0;
let running = 0;

function fail(what, index, error) {
  failures.push({ what, index, error });
  console.error(`FAILED ${what} ${index} of seed ${seed}: ${error}`);
  const only = what === "file" ? "--files 1 --texts 0" : "--files 0 --texts 1";
  console.error(`  again: npm run fuzz -- --seed ${seed} --first ${index} ${only}`);
}

function start() {
  const now = new SharedArrayBuffer(4);
  const under = new Int32Array(now);
  const resourceLimits = { maxOldGenerationSizeMb: 1024 };
  const worker = new Worker(bundle, { workerData: { seed, now }, resourceLimits });
  let range;
  let seen = -1;
  let still = 0;
  running++;
  const next = () => {
    const { value } = again.length > 0 ? { value: again.pop() } : waiting.next();
    range = value;
    if (range === undefined) worker.terminate();
    else worker.postMessage(range);
  };
  /** The input under way is lost; what came before and comes after it is done again by another thread. */
  const lose = (reason) => {
    if (range === undefined) return;
    const index = under[0];
    fail(range.what, index, reason);
    for (const part of [
      { ...range, end: index },
      { ...range, first: index + 1 },
    ]) {
      if (part.first < part.end) again.push(part);
    }
    range = undefined;
    worker.terminate();
    start();
  };
  worker.on("message", (message) => {
    if (message !== "ready") record(message);
    next();
  });
  worker.on("error", (error) => lose(`the thread ended: ${error.message}`));
  // Seconds are counted, not read from a clock: a process that is paused does not hang.
  const watch = setInterval(() => {
    if (under[0] !== seen || range === undefined) [seen, still] = [under[0], 0];
    else if (++still > patience) lose(`no answer in ${patience} s`);
  }, 1000);
  worker.on("exit", () => {
    clearInterval(watch);
    lose("the thread ended");
    if (--running === 0) finish();
  });
}

function record({ range, counts, failures: found, slowest: slow }) {
  const { what } = range;
  for (const [kind, outcome, n] of counts) {
    const kinds = totals[what];
    const outcomes = kinds.get(kind) ?? new Map();
    kinds.set(kind, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + n));
  }
  for (const { index, what: kind, error } of found) fail(what, index, `(${kind}) ${error}`);
  if (slow.ms > slowest[what].ms) slowest[what] = slow;
  done += range.end - range.first;
  if (Math.floor((done - (range.end - range.first)) / 20_000) !== Math.floor(done / 20_000)) {
    const seconds = (performance.now() - began) / 1000;
    console.error(`${done} of ${files + texts}: ${seconds.toFixed(0)} s, ${failures.length} failures`);
  }
}

function finish() {
  const seconds = (performance.now() - began) / 1000;
  const peak = process.resourceUsage().maxRSS / 1024;
  const sums = {};
  for (const [what, kinds] of Object.entries(totals)) {
    sums[what] = {};
    console.log(`${what}s: kind, inputs, what became of them`);
    for (const [kind, outcomes] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const list = [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1));
      const all = list.reduce((sum, [, n]) => sum + n, 0);
      console.log(`  ${kind.padEnd(48)} ${String(all).padStart(8)}  ${list.map(([o, n]) => `${o} ${n}`).join(", ")}`);
      for (const [outcome, n] of list) sums[what][outcome] = (sums[what][outcome] ?? 0) + n;
    }
    const { ms, index } = slowest[what];
    const parts = Object.entries(sums[what]).map(([outcome, n]) => `${outcome} ${n}`);
    console.log(`  in all: ${parts.join(", ")}; the slowest took ${ms.toFixed(0)} ms (${index})`);
  }
  console.log(
    `seed ${seed}: ${done} inputs in ${seconds.toFixed(0)} s on ${threads} threads, peak RSS ${peak.toFixed(0)} MiB, ${failures.length} failures`,
  );
  if (values.json) console.log(JSON.stringify({ seed, files, texts, seconds, threads, peakMiB: peak, sums, failures }));
  process.exitCode = failures.length === 0 ? 0 : 1;
}

// Stopped early, it says what it has.
process.on("SIGINT", () => {
  finish();
  process.exit(130);
});
for (let i = 0; i < threads; i++) start();
