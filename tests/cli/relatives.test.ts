/** Commands on every family: the 8-bit directory is the model, or there is a reason; pairs are read whether or not halves are told apart. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import type { Model } from "../../bert/model.ts";
import { makeSubjects, type Subject } from "../fuzz/subjects.ts";
import { objects, run } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "taper-relatives-"));
let subjects: Subject[];
beforeAll(async () => {
  subjects = await makeSubjects();
});
afterAll(() => rmSync(root, { recursive: true }));

/** Writes a subject's directory, with some of its files changed. */
function write(name: string, changes: Record<string, Uint8Array> = {}, as = name): string {
  const { files } = subjects.find((subject) => subject.name === name)!;
  for (const [file, bytes] of Object.entries({ ...files, ...changes })) {
    mkdirSync(dirname(join(root, as, file)), { recursive: true });
    writeFileSync(join(root, as, file), bytes);
  }
  return join(root, as);
}

async function answers(directory: string, options: { dtype?: "int8" } = {}): Promise<number[]> {
  const model: Model = await loadModel(directory, options);
  const vectors = await model.embed(["a good film", "it was dull, but not bad"]);
  await model.dispose();
  return vectors.flatMap((vector) => [...vector]);
}

it.each(["classifier", "tagger", "embedder", "distilbert", "roberta"])("%s", async (name) => {
  const directory = write(name);
  expect((await run(["verify", "--model", directory, "--record"])).code).toBe(0);
  for (const flags of [[], ["--backend", "scalar"]]) {
    const ran = await run(["verify", "--model", directory, "--json", ...flags]);
    expect([ran.code, objects(ran)[0]]).toMatchObject([0, { passed: true, dtype: "f32", tokenisedOtherwise: 0 }]);
  }
  const int8 = `${directory}-int8`;
  const ran = await run(["quantize", "--model", directory, "--out", int8, "--json"]);
  expect([ran.code, objects(ran)[0]]).toMatchObject([0, { tensors: 12 }]);
  const [found] = objects(await run(["verify", "--model", int8, "--json"]));
  expect(found).toMatchObject({ passed: true, dtype: "int8", tokenisedOtherwise: 0 });
  // Embedding tables are F16 there; where they were none, the rounding shows.
  const [stored, now] = [await answers(int8), await answers(directory, { dtype: "int8" })];
  expect(stored.length).toBe(now.length);
  for (const [i, value] of stored.entries()) expect(value).toBeCloseTo(now[i], 1);
});

it("benches take pairs of texts for a model that does not tell their halves apart", async () => {
  const directory = write("distilbert");
  const data = join(root, "pairs.jsonl");
  const pairs = ["good", "bad film"].map((text) => JSON.stringify({ text, text_pair: "a film", label: 0 }));
  writeFileSync(data, pairs.join("\n"));
  const subject = ["--model", directory, "--data", data];
  for (const argv of [
    ["bench", "gflops", ...subject],
    ["bench", "latency", ...subject, "--seconds", "0.1", "--cold-starts", "1"],
  ]) {
    const ran = await run([...argv, "--json"]);
    expect([ran.code, ran.err.join()]).toEqual([0, expect.not.stringContaining("ERR_")]);
  }
});

it("a quantised embedder pools and normalises as the original", () => {
  const original = join(root, "embedder");
  for (const name of ["modules.json", "1_Pooling/config.json", "sentence_bert_config.json"]) {
    expect(readFileSync(join(`${original}-int8`, name), "utf8")).toBe(readFileSync(join(original, name), "utf8"));
  }
});

it("a DistilBERT with a ReLU in its layers is refused with the reason, and nothing is written", async () => {
  const { files } = subjects.find(({ name }) => name === "distilbert")!;
  const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
  const changed = new TextEncoder().encode(JSON.stringify({ ...config, activation: "relu" }));
  const directory = write("distilbert", { "config.json": changed }, "relu");
  for (const argv of [
    ["quantize", "--model", directory, "--out", `${directory}-int8`],
    ["verify", "--model", directory, "--record"],
  ]) {
    const ran = await run(argv);
    expect([ran.code, ran.err.join()]).toEqual([1, expect.stringMatching(/"relu".*"gelu".*ERR_CONFIG/s)]);
  }
  expect(existsSync(`${directory}-int8`)).toBe(false);
});
