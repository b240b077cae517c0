/** Golden values: recorded, met by every form, and not met by a model or a quantisation that went wrong. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseSafetensors, type WritableTensor, writeSafetensors } from "../../engine/safetensors.ts";
import { tinyConfig, writeTinyModel } from "../support/tiny-model.ts";
import { objects, run } from "./run.ts";

const root = mkdtempSync(join(tmpdir(), "taper-verify-"));
const made = [root];
let model: string;
beforeAll(async () => {
  model = writeTinyModel();
  made.push(model);
  expect((await run(["verify", "--model", model, "--record"])).code).toBe(0);
});
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true });
});

const verified = async (directory: string, ...flags: string[]) => {
  const ran = await run(["verify", "--model", directory, "--json", ...flags]);
  return { code: ran.code, found: objects(ran)[0] };
};

it("every float form meets what was recorded; 8 bits are held to their own limit", async () => {
  for (const flags of [[], ["--simd", "plain"], ["--backend", "scalar"], ["--backend", "reference"]]) {
    const { code, found } = await verified(model, ...flags);
    expect([code, found.flips, found.tokenisedOtherwise]).toEqual([0, 0, 0]);
    expect(found.typical).toBeLessThan(1e-4);
  }
  const { code, found } = await verified(model, "--dtype", "int8");
  expect([code, found.dtype, found.limit]).toEqual([0, "int8", 0.2]);
  expect(found.typical).toBeGreaterThan(1e-4);
});

it.each(["sst2-12x128", "imdb-12x128"])("%s computes here what it did where it was recorded", async (name) => {
  const { code, found } = await verified(`models/${name}`);
  expect([code, found.cases, found.flips]).toEqual([0, 6, 0]);
});

it("a quantised directory brings its values along; one with wrong scales is refused with figures", async () => {
  const int8 = join(root, "int8");
  expect((await run(["quantize", "--model", model, "--out", int8])).code).toBe(0);
  expect((await verified(int8)).code).toBe(0);
  const file = join(int8, "model.safetensors");
  const tensors: [string, WritableTensor][] = [...parseSafetensors(readFileSync(file), "int8")].map(
    ([name, tensor]) => {
      const { shape, dtype } = tensor;
      if (dtype === "I8") return [name, { shape, data: tensor.readInt8() }];
      const data = tensor.read();
      return [name, { shape, data: name.endsWith("_scale") ? data.map((scale) => 1.6 * scale) : data }];
    },
  );
  writeFileSync(file, writeSafetensors(new Map(tensors), { dtype: "F32" }));
  const { code, found } = await verified(int8);
  expect([code, found.passed]).toEqual([1, false]);
  expect(found.typical).toBeGreaterThan(0.2);
  const { out } = await run(["verify", "--model", int8]);
  expect(out.join("\n")).toMatch(/^REFUSED[\s\S]*at most 0\.2 allowed[\s\S]*labels/);
});

it("another vocabulary is seen, and so are files that are none", async () => {
  const other = join(root, "other");
  cpSync(model, other, { recursive: true });
  const vocabulary = readFileSync(join(other, "vocab.txt"), "utf8").split("\n");
  const [a, b] = [vocabulary.indexOf("good"), vocabulary.indexOf("was")];
  [vocabulary[a], vocabulary[b]] = [vocabulary[b], vocabulary[a]];
  writeFileSync(join(other, "vocab.txt"), vocabulary.join("\n"));
  const { code, found } = await verified(other);
  expect([code, Number(found.tokenisedOtherwise) > 0]).toEqual([1, true]);
  for (const [json, part] of [
    ["{}", "schemaVersion"],
    ['{"schemaVersion":1,"cases":[]}', "cases"],
    ['{"schemaVersion":1,"cases":[{"text":"a","ids":[1],"values":["x"]}]}', "values"],
  ]) {
    writeFileSync(join(other, "golden.json"), json);
    const ran = await run(["verify", "--model", other]);
    expect([ran.code, ran.err.join()]).toEqual([1, expect.stringContaining(part)]);
  }
  rmSync(join(other, "golden.json"));
  expect((await run(["verify", "--model", other])).err.join()).toContain("--record");
});

it("models for tokens, spans and vectors have golden values too", async () => {
  for (const task of ["token-classification", "question-answering", "embedding"] as const) {
    const directory = writeTinyModel({ ...tinyConfig, task }, {});
    made.push(directory);
    await run(["verify", "--model", directory, "--record"]);
    expect((await verified(directory, "--backend", "scalar")).code, task).toBe(0);
  }
});
