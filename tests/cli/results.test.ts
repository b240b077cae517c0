/** `bench results`, from model directories to a page, and the page again from its records. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Results } from "../../bench/results/page.ts";
import { writeTinyModel } from "../support/tiny-model.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "taper-results-"));
const model = writeTinyModel();
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(model, { recursive: true });
});

describe("bench results", () => {
  it("measures, keeps answers, draws the page, and draws it again", async () => {
    const data = join(folder, "test.tsv");
    writeFileSync(data, "sentence\tlabel\na good movie\t1\na dull film\t0\nnot very good\t0\nit was gorgeous\t1\n");
    const directory = model;
    const models = [
      { name: "dense", role: "dense", directory },
      { name: "ours", role: "ours", directory },
      { name: "exits", role: "depth", directory, dials: { skim: false } },
    ];
    const plan = join(folder, "plan.json");
    writeFileSync(
      plan,
      JSON.stringify({ tasks: [{ name: "toy", data: [data], bigrams: [data], buckets: [5, 7], models }] }),
    );
    const out = join(folder, "results");
    const cache = join(folder, "cache");
    const argv = ["bench", "results", "--plan", plan, "--out", out, "--cache", cache, "--runs", "1"];
    const first = await run(argv);
    expect(first.err).toEqual([]);
    expect(first.code).toBe(0);
    const records: Results = JSON.parse(readFileSync(`${out}.json`, "utf8"));
    const [dense, ours, exits] = records.tasks[0].models;
    expect(dense).toMatchObject({ texts: 4, speedup: 1, layers: 4, meanExitLayer: 4 });
    expect(ours.own?.accuracy).toBe(dense.accuracy);
    expect(ours.masked?.difference).toBeLessThan(2e-5);
    expect(ours.kept).toHaveLength(4);
    expect(ours.sceptic).toMatchObject({ texts: 4, skim: { speedup: expect.any(Number) } });
    expect(ours.sceptic?.byLayer.map(({ layer }) => layer)).toEqual([1, 2, 3]);
    expect(exits.sceptic).toBeUndefined();
    expect(exits.dials).toMatchObject({ skim: false, exit: { entropy: 0.9 } });
    expect(exits.kept[0]).toBe(1);
    const page = readFileSync(`${out}.md`, "utf8");
    expect(page).toContain("## toy");

    const stored = readdirSync(cache);
    expect(stored).toHaveLength(3);
    rmSync(`${out}.md`);
    expect((await run(["bench", "results", "--out", out, "--render"])).code).toBe(0);
    expect(readFileSync(`${out}.md`, "utf8")).toBe(page);
    expect((await run([...argv, "--only", "toys"])).err.join()).toContain("expected one of toy");
  });
});
