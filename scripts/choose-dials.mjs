// Chooses a model's default dials on texts held out of training and writes them into its taperbert.json: of a grid of keep thresholds
// and exit entropies, the most accurate that saves at least SPEEDUP times the MACs (dense on the real length ÷ executed, overheads
// included; the faster of equals), and whose two parts each save something alone. Only texts of at least WORDS words count: the
// shorter phrases among held-out ones are easier than what the model is for. Usage, after npm run build:
//   node scripts/choose-dials.mjs --model DIR --data held-out.tsv [--speedup 4.5] [--words 1]
import { readFile, rename, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { loadModel } from "../dist/index.js";
import { readTexts } from "../dist/train.js";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    data: { type: "string" },
    speedup: { type: "string", default: "4.5" },
    words: { type: "string", default: "1" },
  },
});
const keepThresholds = [-1, 0, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8];
const entropies = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
const leastAlone = { skim: 1.4, exit: 1.7 };

const model = await loadModel(values.model);
const texts = await readTexts(values.data);
const rows = texts
  .filter(({ text }) => text.trim().split(/\s+/).length >= Number(values.words))
  .map(({ text, label }) => ({ ...model.encode(text), label }));

/** Accuracy and speed-up (ratio of sums on the real length, overheads included) with these dials. */
async function run(dials) {
  let right = 0;
  let macs = 0;
  let denseMacs = 0;
  for (let from = 0; from < rows.length; from += 64) {
    const batch = rows.slice(from, from + 64);
    const { logits, trace } = await model.forward(
      batch.map(({ ids }) => ids),
      dials,
    );
    for (const [i, answer] of logits.entries()) if (answer.indexOf(Math.max(...answer)) === batch[i].label) right++;
    for (const t of trace) {
      macs += t.macs;
      denseMacs += t.denseMacs;
    }
  }
  return { accuracy: right / rows.length, speedup: denseMacs / macs };
}

const show = (name, { accuracy, speedup }) =>
  console.error(`${name.padEnd(32)} ${(100 * accuracy).toFixed(2)} %  ${speedup.toFixed(2)}x`);

const dense = await run({ skim: false, exit: false });
show("dense", dense);
const skimAlone = new Map();
for (const keepThreshold of keepThresholds) {
  const result = await run({ skim: { keepThreshold }, exit: false });
  skimAlone.set(keepThreshold, result);
  show(`keep ${keepThreshold}`, result);
}
const exitAlone = new Map();
for (const entropy of entropies) {
  const result = await run({ skim: false, exit: { entropy } });
  exitAlone.set(entropy, result);
  show(`entropy ${entropy}`, result);
}
const wanted = Number(values.speedup);
let best;
for (const [keepThreshold, skim] of skimAlone) {
  if (skim.speedup < leastAlone.skim) continue;
  for (const [entropy, exit] of exitAlone) {
    if (exit.speedup < leastAlone.exit) continue;
    const result = await run({ skim: { keepThreshold }, exit: { entropy } });
    show(`keep ${keepThreshold}, entropy ${entropy}`, result);
    if (result.speedup < wanted) continue;
    const isBetter =
      best === undefined ||
      result.accuracy > best.accuracy ||
      (result.accuracy === best.accuracy && result.speedup > best.speedup);
    if (isBetter) best = { ...result, dials: { skim: { keepThreshold }, exit: { entropy } } };
  }
}
await model.dispose();
if (best === undefined) {
  console.error(`no dials of the grid save ${wanted} times the MACs`);
  process.exit(1);
}
const file = `${values.model}/taperbert.json`;
const config = JSON.parse(await readFile(file, "utf8"));
await writeFile(`${file}.tmp`, `${JSON.stringify({ ...config, dials: best.dials }, null, 2)}\n`);
await rename(`${file}.tmp`, file);
console.log(JSON.stringify({ rows: rows.length, dense, chosen: best }));
