// dtype "int8": quantised as it is loaded or beforehand, the same bits; what a spoiled 8-bit directory says; how near it stays to float32.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Dtype, isInt8Weight } from "../../bert/dtype.ts";
import { type LoadOptions, loadModel } from "../../bert/load.ts";
import type { Text } from "../../bert/model.ts";
import { quantiseModel } from "../../bert/quantise-model.ts";
import { parseSafetensors, type WritableTensor, writeSafetensors } from "../../engine/safetensors.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { counting } from "../../kernels/counting.ts";
import { refused } from "../support/spoiled-model.ts";
import { writeTinyModel } from "../support/tiny-model.ts";

const texts: Text[] = ["a very good film", ["the movie was not dull", "and it was witty"], ""];
const dense = { skim: false, exit: false } as const;
const weight = "bert.encoder.layer.1.intermediate.dense.weight";

let good = "";
let directory = "";
const at = (name: string): string => join(directory, name);

beforeAll(() => {
  good = writeTinyModel();
  // Embeddings become F16, so a model in F16 keeps every other bit.
  const stored = parseSafetensors(readFileSync(join(good, "model.safetensors")), "tiny");
  const tensors = new Map([...stored].map(([name, { shape, read }]) => [name, { shape, data: read() }]));
  writeFileSync(join(good, "model.safetensors"), writeSafetensors(tensors, { dtype: "F16" }));
});
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "taper-int8-"));
  await quantiseModel(good, directory);
  return () => rmSync(directory, { recursive: true });
});
afterAll(() => rmSync(good, { recursive: true }));

async function logits(from: string, options: LoadOptions): Promise<number[][]> {
  const model = await loadModel(from, options);
  const { logits } = await model.forwardEncodings(
    texts.map((text) => model.encode(text)),
    dense,
  );
  await model.dispose();
  return logits.map((row) => [...row]);
}

/** Writes the 8-bit checkpoint anew, with some tensors replaced. */
function spoil(replace: Readonly<Record<string, WritableTensor | undefined>>): void {
  const stored = parseSafetensors(readFileSync(at("model.safetensors")), "int8");
  const tensors = new Map<string, WritableTensor>();
  for (const [name, { shape, dtype, read, readInt8 }] of stored) {
    const tensor = name in replace ? replace[name] : { shape, data: dtype === "I8" ? readInt8() : read() };
    if (tensor !== undefined) tensors.set(name, tensor);
  }
  writeFileSync(at("model.safetensors"), writeSafetensors(tensors, { dtype: "F32" }));
}

describe.each(["wasm", "scalar", "reference"] as const)("on %s", (backend) => {
  it("computes the same bits whether quantised now or beforehand, near to float32 and not equal to it", async () => {
    const now = await logits(good, { backend, dtype: "int8" });
    expect(await logits(directory, { backend })).toEqual(now);
    expect(await logits(directory, { backend, dtype: "int8" })).toEqual(now);
    const floats = await logits(good, { backend });
    const apart = Math.max(...now.flatMap((row, t) => row.map((x, c) => Math.abs(x - floats[t][c]))));
    expect(apart).toBeGreaterThan(0);
    expect(apart).toBeLessThan(0.3);
  });
});

it("computes the same bits on several threads", async () => {
  const alone = await logits(directory, { backend: "wasm" });
  expect(await logits(directory, { backend: "wasm", threads: 3 })).toEqual(alone);
});

it("stores the encoder's linear layers in a byte a value, and says so", async () => {
  const stored = parseSafetensors(readFileSync(at("model.safetensors")), "int8");
  for (const [name, { dtype, shape }] of stored) {
    expect(dtype === "I8", name).toBe(isInt8Weight(name));
    if (dtype === "I8") expect(stored.get(`${name}_scale`)?.shape).toEqual([shape[0]]);
  }
  expect([...stored.values()].filter(({ dtype }) => dtype === "I8")).toHaveLength(4 * 6);
  expect(stored.get("bert.encoder.skim_predictors.0.predictor.1.weight")?.dtype).toBe("F16");
  const model = await loadModel(directory);
  expect([model.dtype, model.predictorWidth, model.abilities.exitHeads]).toEqual(["int8", 6, true]);
  await model.dispose();
});

it("counts the same multiply–accumulates as by formula, nearly all of them in 8 bits", async () => {
  const backend = counting(scalarBackend());
  const model = await loadModel(directory, { backend });
  const { trace } = await model.forwardEncodings(
    texts.map((text) => model.encode(text)),
    dense,
  );
  expect(backend.totals.macs).toBe(trace.reduce((sum, { macs }) => sum + macs, 0));
  expect(backend.byKernel.matmulInt8?.calls).toBe(4 * 4);
  expect(backend.byKernel.matmul?.calls).toBe(2);
  await model.dispose();
});

describe("refuses", () => {
  const loading = (options?: LoadOptions) => loadModel(directory, options).then((model) => model.dispose());

  it("a dtype that there is none of, and float32 of a directory that has none", async () => {
    await refused(loadModel(good, { dtype: "int4" as Dtype }), "ERR_OPTION", "dtype", '"f32" or "int8"', '"int4"');
    await refused(loading({ dtype: "f32" }), "ERR_OPTION", "stored in 8 bits");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])("a scale of %s", async (scale) => {
    spoil({ [`${weight}_scale`]: { shape: [40], data: new Float32Array(40).fill(0.1).fill(scale, 7, 8) } });
    await refused(loading(), "ERR_CHECKPOINT", `${weight}_scale`, "finite scales from 0", String(scale));
  });

  it("scales that are missing or of another number", async () => {
    spoil({ [`${weight}_scale`]: undefined });
    await refused(loading(), "ERR_CHECKPOINT", `${weight}_scale`, "missing");
    spoil({ [`${weight}_scale`]: { shape: [39], data: new Float32Array(39) } });
    await refused(loading(), "ERR_CHECKPOINT", `${weight}_scale`);
  });

  it("integers beyond 63, and floats where integers should be", async () => {
    for (const [i, integer] of [-64, 64, 127, -128, -65].entries()) {
      spoil({ [weight]: { shape: [40, 24], data: new Int8Array(960).fill(63).fill(integer, 4 + i, 5 + i) } });
      await refused(loading(), "ERR_CHECKPOINT", weight, "−63 to 63", String(integer));
    }
    spoil({ [weight]: { shape: [40, 24], data: new Float32Array(960) } });
    await refused(loading(), "ERR_CHECKPOINT", weight, "I8", "F32");
  });

  it("8-bit weights of which taperbert.json says nothing, or something else", async () => {
    const taper = JSON.parse(readFileSync(at("taperbert.json"), "utf8"));
    writeFileSync(at("taperbert.json"), JSON.stringify({ ...taper, quantization: { dtype: "int4" } }));
    await refused(loading(), "ERR_CONFIG", "quantization.dtype", '"int8"', '"int4"');
    writeFileSync(at("taperbert.json"), JSON.stringify({ ...taper, quantization: undefined }));
    await refused(loading(), "ERR_CHECKPOINT", "F32, F16 or BF16", "I8");
  });

  it("quantising twice, or a directory into itself", async () => {
    await refused(quantiseModel(directory, join(directory, "again")), "ERR_CONFIG", "quantised");
    const before = statSync(join(good, "model.safetensors")).mtimeMs;
    await refused(quantiseModel(good, `${good}/.`), "ERR_OPTION", "other than");
    expect(statSync(join(good, "model.safetensors")).mtimeMs).toBe(before);
  });
});

it("the bundled model answers as in float32", async () => {
  const bundled = join(import.meta.dirname, "../../models/sst2-12x128");
  expect(existsSync(bundled)).toBe(true);
  const [floats, integers] = [await loadModel(bundled), await loadModel(bundled, { dtype: "int8" })];
  const sample = [
    "a gorgeous , witty , seductive movie .",
    "the story never takes off , and the jokes are stale .",
    "it is not without flaws , but the two leads are so good that i forgave it everything .",
    "an utterly pointless remake that nobody asked for .",
    "every minute of it is a quiet joy .",
    "i wanted to like it more than i did .",
  ].map((text) => floats.encode(text));
  const expected = await floats.forwardEncodings(sample, dense);
  const found = await integers.forwardEncodings(sample, dense);
  for (const [t, logits] of found.logits.entries()) {
    expect(logits[1] > logits[0]).toBe(expected.logits[t][1] > expected.logits[t][0]);
    for (const [c, logit] of logits.entries()) expect(Math.abs(logit - expected.logits[t][c])).toBeLessThan(0.1);
  }
  await floats.dispose();
  await integers.dispose();
});
