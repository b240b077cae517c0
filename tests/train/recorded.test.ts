/** Every recorded recipe is a config that a run would accept, and go on with. */
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { parseTrainConfig } from "../../train/config.ts";
import { parseStages } from "../../train/stages.ts";

const folder = new URL("../../docs/recipes/", import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".json"));

it.each(files)("%s", (file) => {
  const json: unknown = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  const stages = parseStages(json, "runs/out", file);
  expect(stages.length).toBeGreaterThan(0);
  for (const { config } of stages) {
    // As train.json holds it, which a run that is resumed is compared with.
    const stored: unknown = JSON.parse(JSON.stringify(config));
    expect(isDeepStrictEqual(parseTrainConfig(stored, "train.json"), config)).toBe(true);
  }
  // The regular stage, its first, is the dense model's own run, which is another recipe.
  if (!file.endsWith("-magic-pyramid.json")) return;
  expect(stages.map(({ config }) => config.threshold?.stage)).toEqual(["soft", "hard", "hard"]);
  expect(stages.map(({ config }) => config.freeze)).toEqual([[], [], ["encoder", "classifier"]]);
});
