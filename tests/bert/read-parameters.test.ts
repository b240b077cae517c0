/** A checkpoint read straight into WebAssembly memory gives the same bits as one read tensor by tensor, and takes little more than its own size. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { configOfShape } from "../../bert/config.ts";
import { loadModel } from "../../bert/load.ts";
import { parseSafetensors, type StoredType, writeSafetensors } from "../../engine/safetensors.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { built } from "../support/built.ts";
import { peakMemorySource } from "../support/peak-memory.ts";
import { tinyVocabulary, writeTinyModel } from "../support/tiny-model.ts";

let directory: string;
beforeAll(() => {
  directory = writeTinyModel();
});
afterAll(() => rmSync(directory, { recursive: true }));

async function logitsOn(backend: InferenceBackend): Promise<Float32Array> {
  const model = await loadModel(directory, { backend });
  const { logits, hidden } = await model.forward([[2, 7, 8, 13, 14, 3]], { skim: false, exit: false, hidden: true });
  await model.dispose();
  return Float32Array.of(...logits[0], ...hidden![0]);
}

it.each<StoredType>(["F32", "F16", "BF16"])("the same bits as tensor by tensor, stored as %s", async (dtype) => {
  const file = join(directory, "model.safetensors");
  const tensors = [...parseSafetensors(readFileSync(file), "tiny")].map(
    ([name, { shape, read }]) => [name, { shape, data: read() }] as const,
  );
  writeFileSync(file, writeSafetensors(new Map(tensors), { dtype }));
  for (const variant of ["plain", undefined] as const) {
    const options = variant === undefined ? {} : { variant };
    const inPlace = wasmBackend(options) as unknown as InferenceBackend;
    const { intake, ...others } = wasmBackend(options) as unknown as InferenceBackend;
    expect(intake).toBeDefined();
    const found = await logitsOn(inPlace);
    expect(found.some((value) => value !== 0)).toBe(true);
    expect(found).toEqual(await logitsOn(others));
  }
});

it.each(["F16", "BF16"] as const)("widens every %s as engine/half.ts does", async (dtype) => {
  const { intake } = wasmBackend() as unknown as InferenceBackend;
  const { halvesToFloats, bfloatsToFloats } = await import("../../engine/half.ts");
  // Three more than whole vectors.
  const bits = Uint16Array.from({ length: 65536 + 3 }, (_, i) => i & 0xffff);
  intake!.reserve([{ m: 1, k: bits.length, packed: false }]);
  const handle = intake!.take(1, bits.length, false);
  const room = intake!.bytes(handle, 0, bits.length);
  room.set(new Uint8Array(bits.buffer), 2 * bits.length);
  intake!.widen(handle, 0, bits.length, dtype);
  const expected = dtype === "F16" ? halvesToFloats(bits) : bfloatsToFloats(bits);
  expect(Buffer.compare(intake!.bytes(handle, 0, bits.length), new Uint8Array(expected.buffer))).toBe(0);
});

/** Bytes of the highest resident set of a process that loads a model and runs it once. */
function peakOf(model: string): number {
  const script = `${peakMemorySource()}
    const { loadModel } = await import(${JSON.stringify(built("index.js"))});
    const model = await loadModel(${JSON.stringify(model)});
    await model.forward([[2, 7, 8, 3]]);
    console.log(peakMemory());`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }));
}

it("peak memory grows by the file's size and little more", () => {
  const shape = configOfShape({ layers: 2, d: 512, h: 8, f: 2048 });
  const large = writeTinyModel({ ...shape, vocabulary: 1000 + tinyVocabulary.length, maxPositions: 32 }, {});
  const { size } = statSync(join(large, "model.safetensors"));
  // The least of three: collections of garbage come when they come.
  const least = (model: string) => Math.min(...[0, 1, 2].map(() => peakOf(model)));
  const grown = least(large) - least(directory);
  rmSync(large, { recursive: true });
  expect(grown).toBeGreaterThan(0.5 * size);
  expect(grown).toBeLessThan(2 * size);
});
