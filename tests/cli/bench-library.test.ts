/** `bench library`: what it reports of whoever is installed, and what it says where nothing can be installed. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { libraryTexts } from "../../bench/library/compare.ts";
import { installSizes } from "../../bench/library/install.ts";
import { figureNames } from "../../bench/library/task.ts";
import { bertModel } from "../../bench/onnx/bert.ts";
import { openTransformers } from "../../bench/peers/index.ts";
import { randomWeights } from "../../bench/random-model.ts";
import { configOfShape } from "../../bert/config.ts";
import { objects, run } from "./run.ts";

interface Report {
  readonly tokens: readonly number[];
  readonly rows: readonly {
    readonly name: string;
    readonly figures: Record<string, { count: number; median: number }>;
    readonly difference: number;
    readonly sameLabels: number;
  }[];
  readonly missing: readonly { name: string; absent: string }[];
}

it("compares answers, times fresh processes, and lists everybody either with figures or with a reason", async () => {
  if (!existsSync("dist/library-child.js")) throw new Error("npm run build first");
  const place = emptyPlace();
  const [object] = objects(
    await run(["bench", "library", "--shape", "1,8,2,8", "--runs", "1", "--only", "f32", "--no-install", "--json"]),
  );
  const { tokens, rows, missing } = object as unknown as Report;
  const texts = libraryTexts();
  expect(tokens.length).toBe(texts.length);
  expect(Math.max(...tokens)).toBeGreaterThan(8 * Math.min(...tokens));
  for (const { name, figures, difference, sameLabels } of rows) {
    expect(Object.keys(figures), name).toEqual(figureNames);
    for (const figure of ["importMs", "loadMs", "firstMs", "textMs", "batchMs", "peakBytes"]) {
      expect(figures[figure]).toMatchObject({ count: 1 });
      expect(figures[figure].median, `${name}: ${figure}`).toBeGreaterThan(0);
    }
    expect([difference < 1e-4, sameLabels]).toEqual([true, texts.length]);
  }
  const libraries = [...rows, ...missing].map(({ name }) =>
    name.replace("@huggingface/transformers", "transformers.js"),
  );
  expect(new Set(libraries.map((name) => name.split(",")[0]))).toEqual(new Set(["taperbert", "transformers.js"]));
  expect("absent" in (await openTransformers())).toBe(!rows.some(({ name }) => name.startsWith("transformers.js")));
  expect(leftIn(place)).toEqual([]);
}, 120_000);

it("without a registry says so, and leaves nothing behind", () => {
  const cache = emptyPlace();
  vi.stubEnv("npm_config_offline", "true");
  vi.stubEnv("npm_config_cache", cache);
  const place = emptyPlace();
  for (const { name, bytes, absent } of installSizes(() => undefined)) {
    expect(bytes, name).toBeUndefined();
    expect(absent, name).toMatch(/npm install failed|npm --prefix/);
  }
  expect(leftIn(place)).toEqual([]);
}, 60_000);

it("an export with a mask takes it by Hugging Face's name", () => {
  const weights = { config: configOfShape({ layers: 1, d: 8, h: 2, f: 8 }, { vocabulary: 9 }), read: randomWeights(1) };
  const names = (longIds: boolean): string =>
    Buffer.from(bertModel(weights, { dtype: "f32", padding: true, longIds })).toString("latin1");
  expect(names(true)).toMatch(/input_ids[\s\S]*attention_mask/);
  expect(names(false)).not.toContain("attention_mask");
});

it.each([
  [["--runs", "0"], '--runs: expected a whole number from 1, found "0"'],
  [["--shape", "bas"], 'did you mean "base"?'],
  [["--thread", "2"], "did you mean --threads?"],
  [
    ["--shape", "1,8,2,8", "--only", "tensorflow"],
    'no contender\'s name contains "tensorflow"; there are "taperbert, relaxed, f32"',
  ],
])("refuses %j", async (argv, message) => {
  const ran = await run(["bench", "library", ...argv]);
  expect([ran.code, ran.out]).toEqual([2, []]);
  expect(ran.err.join("\n")).toContain(message);
});

/** Where temporary files go until the test is over: other test files look into the usual place. */
function emptyPlace(): string {
  const place = mkdtempSync(join(tmpdir(), "library-test-"));
  vi.stubEnv("TMPDIR", place);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(place, { recursive: true });
  });
  return place;
}

/** Ours: npm and Node keep caches of their own there. */
function leftIn(place: string): string[] {
  return readdirSync(place).filter((name) => name.startsWith("taperbert-"));
}
