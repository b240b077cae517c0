/**
 * The head of a published BERT-tiny fine-tuned on SST-2, from the last layer's [CLS] row to the logits, to 1e-5 on every CPU backend.
 * A small extract of what golden.test.ts runs whole where ../shared is. Parameters: narger-ef/FHE-BERT-Tiny (MIT, see the fixture's
 * LICENSE); the expected values were computed from them in float64. Everything is base64 of little-endian float32. Made by:
 *
 *   const tensors = await readSafetensorsFile(`${shared}/fixtures/bert-tiny-sst2/encoder.safetensors`);
 *   const golden = JSON.parse(readFileSync(`${shared}/fixtures/bert-tiny-sst2/golden.json`, "utf8"));
 *   const base64 = (values) => Buffer.from(Float32Array.from(values).buffer).toString("base64");
 *   const names = ["bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"];
 *   const parameters = names.map((name) => [name, { shape: tensors.get(name).shape, values: base64(tensors.get(name).read()) }]);
 *   const values = { cls: golden.hidden_after_layer[1][0], pooled: golden.pooled, logits: golden.logits.flat() };
 *   const rows = Object.entries(values).map(([name, row]) => [name, base64(row)]);
 *   const json = { text: golden.text, ...Object.fromEntries(rows), parameters: Object.fromEntries(parameters) };
 *   writeFileSync("tests/fixtures/bert-tiny/head.json", JSON.stringify(json, null, 2) + "\n"); // then npm run format
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Checkpoint, checkpointSource } from "../../bert/checkpoint.ts";
import { finalHead } from "../../bert/parameters.ts";
import { view } from "../../engine/view.ts";
import { answer } from "../../exit/head.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { headCase } from "../support/bert-tiny.ts";

const fixture = headCase(readFileSync(new URL("../fixtures/bert-tiny/head.json", import.meta.url), "utf8"));

const backends: [string, () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
  ["wasm", wasmBackend],
];

it.each(backends)("BERT-tiny's head on %s", async (_, make) => {
  const backend = make();
  const { cls, pooled, logits, tensors } = fixture;
  const [d, c] = [cls.length, logits.length];
  expect([d, c]).toEqual([128, 2]);
  const buffers = {
    clsIndex: backend.allocate(1, "i32"),
    cls: backend.allocate(d),
    pooled: backend.allocate(d),
    logits: backend.allocate(c),
  };
  const head = finalHead(checkpointSource(new Checkpoint(tensors, "head.json"), backend), d, c);
  answer(backend, head, backend.upload(view(cls, [1, d])), Int32Array.of(0), 1, d, buffers);
  const found = { pooled: await backend.read(buffers.pooled), logits: await backend.read(buffers.logits) };
  for (const [i, value] of pooled.entries()) expect(Math.abs(found.pooled[i] - value)).toBeLessThan(1e-5);
  for (const [i, value] of logits.entries()) expect(Math.abs(found.logits[i] - value)).toBeLessThan(1e-5);
  backend.dispose();
});
