/** A short run of scripts/tokenizer-parity.mjs: every difference from `@huggingface/tokenizers` has a cause that docs/robustness.md decides. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parity, rules } from "./parity.ts";

const bundled = new URL("../../models/sst2-12x128/vocab.txt", import.meta.url);
const vocabulary = readFileSync(bundled, "utf8").trimEnd().split("\n");

it.each(Object.entries(rules))("%s", (_, rule) => {
  const { texts, same, differences } = parity(2, 2000, rule, vocabulary);
  const causes = new Map(differences);
  expect(causes.get("unexplained")).toBeUndefined();
  const counted = [...causes.values()].reduce((sum, { count }) => sum + count, 0);
  expect(same + counted).toBe(texts);
  expect(same).toBeGreaterThan(0.8 * texts);
  expect(causes.has("ideographs beyond U+FFFF")).toBe(true);
});
