/** What a checkpoint gets that is truncated, lies about itself or does not fit: an error that names the file and the tensor. */
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, it } from "vitest";
import { loadModel } from "../../bert/load.ts";
import { parseSafetensors, writeSafetensors } from "../../engine/safetensors.ts";
import { sharedFile } from "../shared.ts";
import { refused, spoiledModel } from "../support/spoiled-model.ts";
import { tinyVocabulary } from "../support/tiny-model.ts";

const bad = spoiledModel();

describe("model.safetensors", () => {
  let bytes: Uint8Array;
  let headerBytes: number;
  beforeAll(() => {
    bytes = readFileSync(join(bad.good, "model.safetensors"));
    headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  });

  type Entry = { dtype: string; shape: number[]; data_offsets: number[] };
  /** The same data under a header that lies. */
  const lie = (change: (header: Record<string, Entry>) => void): void => {
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
    change(header);
    const json = new TextEncoder().encode(JSON.stringify(header));
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
    bad.put("model.safetensors", Buffer.concat([length, json, bytes.subarray(8 + headerBytes)]));
  };
  const word = "bert.embeddings.word_embeddings.weight";
  const vocabulary = tinyVocabulary.length;

  it("truncated at any length", async () => {
    const lengths = [0, 1, 7, 8, 9, 8 + headerBytes - 1, 8 + headerBytes, 8 + headerBytes + 1, bytes.length - 1];
    for (let i = 1; i < 8; i++) lengths.push(Math.floor((i * bytes.length) / 8));
    for (const length of lengths) {
      bad.put("model.safetensors", bytes.subarray(0, length));
      await bad.refused("ERR_CHECKPOINT", bad.at("model.safetensors"));
    }
  });

  it("with bytes after its end", async () => {
    bad.put("model.safetensors", Buffer.concat([bytes, Uint8Array.of(0)]));
    await bad.refused("ERR_CHECKPOINT", bad.at("model.safetensors"), "bytes of tensor data");
  });

  it("of a length that no file has", async () => {
    bad.put("model.safetensors", new Uint8Array(64).fill(0xff));
    await bad.refused("ERR_CHECKPOINT", "at most 100000000 bytes");
  });

  it.each<[string, (header: Record<string, Entry>) => void, ...string[]]>([
    [
      "an offset beyond the end",
      (h) => {
        h[word].data_offsets[1] += 2 ** 40;
      },
      word,
      "truncated or lies",
    ],
    [
      "offsets in reverse",
      (h) => {
        h[word].data_offsets.reverse();
      },
      word,
      "begin",
    ],
    [
      "offsets that are none",
      (h) => {
        h[word].data_offsets = [-4, 0.5];
      },
      word,
      "data_offsets",
    ],
    [
      "an overlap",
      (h) => {
        h[word].data_offsets = [4, 4 + 4 * vocabulary * 24];
      },
      "byte",
    ],
    [
      "another shape than its bytes",
      (h) => {
        h[word].shape = [vocabulary, 25];
      },
      word,
      "bytes for F32",
    ],
    [
      "half the type",
      (h) => {
        h[word].dtype = "F16";
      },
      word,
      "bytes for F16",
    ],
    [
      "a type of integers",
      (h) => {
        h[word].dtype = "I32";
      },
      word,
      "F32, F16 or BF16",
      "I32",
    ],
    [
      "a type unheard of",
      (h) => {
        h[word].dtype = "Q4";
      },
      word,
      "Q4",
    ],
    [
      "64-bit integers",
      (h) => {
        Object.assign(h[word], { dtype: "I64", shape: [vocabulary, 12] });
      },
      word,
      `[${vocabulary},12]`,
    ],
    [
      "a transposed shape",
      (h) => {
        h[word].shape.reverse();
      },
      word,
      `[24,${vocabulary}]`,
      `[${vocabulary},24]`,
    ],
    [
      "another number of axes",
      (h) => {
        h[word].shape = [1, vocabulary, 24];
      },
      word,
      `[1,${vocabulary},24]`,
    ],
    [
      "no shape",
      (h) => {
        Object.assign(h[word], { shape: null });
      },
      word,
      "shape",
      "null",
    ],
    [
      "a number for a tensor",
      (h) => {
        Object.assign(h, { [word]: 5 });
      },
      word,
      "an object",
      "5",
    ],
  ])("whose header tells of %s", async (_, change, ...parts) => {
    lie(change);
    await bad.refused("ERR_CHECKPOINT", bad.at("model.safetensors"), ...parts);
  });

  it("without a tensor names the nearest", async () => {
    lie((header) => {
      header["bert.embedings.word_embeddings.weight"] = header[word];
      delete header[word];
    });
    await bad.refused("ERR_CHECKPOINT", `"${word}" is missing`, '"bert.embedings.word_embeddings.weight"');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("full of %d is refused when it answers", async (value) => {
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const [name, { shape, read }] of parseSafetensors(bytes, "good")) {
      tensors.set(name, { shape, data: read().slice().fill(value) });
    }
    bad.put("model.safetensors", writeSafetensors(tensors, { dtype: "F32" }));
    for (const backend of ["wasm", "scalar", "reference"] as const) {
      const model = await loadModel(bad.directory, { backend });
      for (const dials of [undefined, { skim: false, exit: false } as const]) {
        const texts = ["good", "a very bad film", ""];
        await refused(model.classify(texts, dials), "ERR_CHECKPOINT", "text 0", "NaN");
        await refused(model.embed(texts, dials), "ERR_CHECKPOINT", "finite");
      }
      await model.dispose();
    }
  });

  const encoder = sharedFile("fixtures/bert-tiny-sst2/encoder.safetensors");
  it.skipIf(encoder === undefined)("that has an encoder only names the embeddings", async () => {
    bad.withoutParts();
    copyFileSync(encoder!, bad.at("model.safetensors"));
    const shape = { hidden_size: 128, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 512 };
    bad.putConfig({ ...shape, max_position_embeddings: 512, vocab_size: 30522 });
    await bad.refused("ERR_CHECKPOINT", bad.at("model.safetensors"), `"${word}" is missing`);
  });
});
