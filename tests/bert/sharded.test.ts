/** Checkpoints in several files, and what an index may not do: name files elsewhere, tensors that are not there, links that lead out. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { parseSafetensors, writeSafetensors } from "../../engine/safetensors.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
beforeEach(() => {
  directory = writeTinyModel();
});
afterEach(() => rmSync(directory, { recursive: true }));

const ids = [[2, 7, 8, 13, 14, 3]];

async function logits(): Promise<Float32Array> {
  const model = await loadModel(directory);
  const { logits } = await model.forward(ids, { skim: false, exit: false });
  await model.dispose();
  return logits[0];
}

/** Cuts the checkpoint into three files and returns the index's weight_map. */
function shard(): Record<string, string> {
  const tensors = [...parseSafetensors(readFileSync(at("model.safetensors")), "tiny")].map(
    ([name, { shape, read }]) => [name, { shape, data: read() }] as const,
  );
  const map: Record<string, string> = {};
  for (let part = 0; part < 3; part++) {
    const name = `model-0000${part + 1}-of-00003.safetensors`;
    const own = tensors.filter((_, i) => i % 3 === part);
    for (const [tensor] of own) map[tensor] = name;
    writeFileSync(at(name), writeSafetensors(new Map(own), { dtype: "F32" }));
  }
  rmSync(at("model.safetensors"));
  return map;
}

const putIndex = (weightMap: unknown): void =>
  writeFileSync(at("model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: weightMap }));

it("gives the same bits as one file", async () => {
  const expected = await logits();
  putIndex(shard());
  expect(existsSync(at("model.safetensors"))).toBe(false);
  expect(await logits()).toEqual(expected);
});

it("refuses an index that lies", async () => {
  const map = shard();
  const [first] = Object.keys(map);
  const cases: [unknown, "ERR_CHECKPOINT" | "ERR_FILE", string][] = [
    [undefined, "ERR_CHECKPOINT", "weight_map"],
    [[], "ERR_CHECKPOINT", "weight_map"],
    [{}, "ERR_CHECKPOINT", "found 0"],
    [{ ...map, [first]: "../model.safetensors" }, "ERR_CHECKPOINT", "same directory"],
    [{ ...map, [first]: "/etc/passwd" }, "ERR_CHECKPOINT", "same directory"],
    [{ ...map, [first]: "..\\x.safetensors" }, "ERR_CHECKPOINT", "same directory"],
    [{ ...map, [first]: 7 }, "ERR_CHECKPOINT", "same directory"],
    [{ ...map, [first]: "gone.safetensors" }, "ERR_FILE", "gone.safetensors"],
    [{ ...map, [first]: "model-00002-of-00003.safetensors" }, "ERR_CHECKPOINT", first],
  ];
  for (const [weightMap, code, part] of cases) {
    putIndex(weightMap);
    await refused(loadModel(directory), code, part);
  }
});

it.each(["config.json", "vocab.txt", "model.safetensors"])(
  "does not follow a link of %s out of the directory",
  async (name) => {
    const elsewhere = `${directory}-elsewhere`;
    mkdirSync(elsewhere);
    renameSync(at(name), join(elsewhere, name));
    symlinkSync(join(elsewhere, name), at(name));
    try {
      await refused(loadModel(directory), "ERR_FILE", name, "outside of the model's directory");
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  },
);

it("follows links inside, to the directory itself, and from a snapshot of the hub's cache to its blobs", async () => {
  const expected = await logits();
  renameSync(at("model.safetensors"), at("weights"));
  symlinkSync("weights", at("model.safetensors"));
  expect(await logits()).toEqual(expected);
  const own = directory;
  const repository = `${own}-repository`;
  try {
    mkdirSync(join(repository, "snapshots"), { recursive: true });
    mkdirSync(join(repository, "blobs"));
    rmSync(at("model.safetensors"));
    renameSync(at("weights"), join(repository, "blobs", "0123"));
    renameSync(own, join(repository, "snapshots", "main"));
    directory = join(repository, "snapshots", "main");
    symlinkSync("../../blobs/0123", at("model.safetensors"));
    expect(await logits()).toEqual(expected);
    symlinkSync(directory, `${repository}-link`);
    directory = `${repository}-link`;
    expect(await logits()).toEqual(expected);
  } finally {
    rmSync(`${repository}-link`, { force: true });
    rmSync(repository, { recursive: true });
    directory = own;
    mkdirSync(own);
  }
});
