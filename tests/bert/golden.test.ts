/** A published BERT-tiny fine-tuned on SST-2: hidden states, pooled vector and logits to 1e-5 on every CPU backend. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Checkpoint, checkpointSource } from "../../bert/checkpoint.ts";
import { configOfShape, configToJson, namedShapes } from "../../bert/config.ts";
import { attend, feedForward } from "../../bert/layer.ts";
import { loadModel } from "../../bert/load.ts";
import { finalHead, layerParameters } from "../../bert/parameters.ts";
import { planScratch } from "../../bert/scratch.ts";
import { readSafetensorsFile } from "../../engine/safetensors-file.ts";
import { answer } from "../../exit/head.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { sharedFile } from "../shared.ts";

const file = sharedFile("fixtures/bert-tiny-sst2/encoder.safetensors");
const goldenFile = sharedFile("fixtures/bert-tiny-sst2/golden.json");
const config = configOfShape(namedShapes.tiny);

const backends: [string, () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
  ["wasm", wasmBackend],
];

function largest(actual: Float32Array, expected: number[]): number {
  expect(actual.length).toBe(expected.length);
  return actual.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
}

describe.skipIf(file === undefined || goldenFile === undefined)("BERT-tiny", () => {
  it.each(backends)("on %s", async (_, make) => {
    const golden = JSON.parse(await readFile(goldenFile!, "utf8"));
    const backend = make();
    const source = checkpointSource(new Checkpoint(await readSafetensorsFile(file!), file!), backend);
    const n = golden.embedded_input.length;
    const { d, h, eps } = config;
    const scratch = planScratch(backend, config, 0, n);
    backend.write(scratch.rows.starts, [0, n]);
    backend.write(scratch.rows.hidden, golden.embedded_input.flat());
    const sizes = { n, texts: 1, pairs: n * n, d, h, eps };
    const { hidden, spare, starts } = scratch.rows;
    for (let l = 0; l < config.layers; l++) {
      const layer = layerParameters(source, config, l);
      attend(backend, layer, sizes, { out: spare, hidden, starts }, scratch.layer);
      feedForward(backend, layer, sizes, { out: hidden, hidden: spare }, scratch.layer);
      expect(largest(await backend.read(hidden), golden.hidden_after_layer[l].flat())).toBeLessThan(1e-5);
    }
    answer(backend, finalHead(source, d, 2), hidden, Int32Array.of(0), n, d, scratch.head);
    expect(largest(await backend.read(scratch.head.pooled, d), golden.pooled)).toBeLessThan(1e-5);
    expect(largest(await backend.read(scratch.head.logits, 2), golden.logits.flat())).toBeLessThan(1e-5);
  });

  it("is refused by loadModel: it has no embeddings", async () => {
    const directory = mkdtempSync(join(tmpdir(), "taper-golden-"));
    try {
      copyFileSync(file!, join(directory, "model.safetensors"));
      writeFileSync(join(directory, "config.json"), JSON.stringify(configToJson(config)));
      writeFileSync(join(directory, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
      await expect(loadModel(directory)).rejects.toMatchObject({
        code: "ERR_CHECKPOINT",
        message: expect.stringMatching(
          /model\.safetensors: tensor "bert\.embeddings\.word_embeddings\.weight" is missing/,
        ),
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
