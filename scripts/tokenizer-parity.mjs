// Our WordPiece tokenizer against @huggingface/tokenizers on random Unicode strings, uncased and cased: how many agree, and what the
// others differ by. Exits 1 if a difference has no known cause. Needs no build.
// Usage: node scripts/tokenizer-parity.mjs [--seed 1] [--texts 100000]
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { bundled } from "./bundled.mjs";

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, texts: { type: "string", default: "100000" } },
});
const { parity, rules } = await import(pathToFileURL(await bundled("tests/fuzz/parity.ts")));
const vocabulary = readFileSync(new URL("../models/sst2-12x128/vocab.txt", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");
for (const [name, rule] of Object.entries(rules)) {
  const began = performance.now();
  const { texts, same, differences } = parity(Number(values.seed), Number(values.texts), rule, vocabulary);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${name}: ${same} of ${texts} random texts have the same ids (${seconds.toFixed(0)} s)`);
  for (const [cause, { count, first }] of differences) {
    console.log(`  ${String(count).padStart(6)}  ${cause}, e.g. ${JSON.stringify(first)}`);
    if (cause === "unexplained") process.exitCode = 1;
  }
}
