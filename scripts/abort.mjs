// An abort ends a call within the time of one layer: layers begun after it, and milliseconds from when it was due to the rejection beside
// those of a layer. A random BERT of 12 layers with d = 256, a batch of 2048 rows, aborted at 40 moments. Exits 1 if a layer begins after
// an abort, or if one that was due in a layer is answered later than two layers after. Needs no build.
// Usage: node scripts/abort.mjs
import { pathToFileURL } from "node:url";
import { bundled } from "./bundled.mjs";

const { abortRuns } = await import(pathToFileURL(await bundled("tests/fuzz/abort.ts")));
const shape = { layers: 12, d: 256, h: 4, f: 1024, vocabulary: 1000, maxPositions: 512, types: 2, eps: 1e-12 };
const config = { ...shape, labels: ["no", "yes"], task: "sequence-classification" };
const ids = Array.from({ length: 16 }, (_, t) => Array.from({ length: 128 }, (_, i) => (7 * t + i) % 1000));
const { layerMs, runs } = await abortRuns(config, ids, 40);
const sorted = (name) => runs.map((run) => run[name]).sort((a, b) => a - b);
const [ms, after, afterDue] = ["ms", "afterAbort", "afterDue"].map(sorted);
const median = ms[ms.length >> 1];
console.log(
  `${runs.length} forwards aborted after 0 to ${sorted("layers").at(-1)} of ${shape.layers} layers of ${layerMs.toFixed(1)} ms each`,
);
console.log(`layers begun after the abort: ${after.at(-1)} at most; after it was due: ${afterDue.at(-1)} at most`);
const [m, most] = [median, ms.at(-1)].map((value) => `${value.toFixed(1)} ms (${(value / layerMs).toFixed(2)} layers)`);
console.log(`from when it was due to the rejection: ${m} in the middle, ${most} at most`);
if (runs.length === 0 || after.at(-1) > 0 || median > layerMs) process.exitCode = 1;
