/** Damage to the other files: bytes anywhere, lines of a vocabulary, and everything that a safetensors file says or holds. */

import type { FileBytes } from "../../engine/model-files.ts";
import type { Random } from "../../engine/random.ts";
import { parseSafetensors, type WritableTensor, writeSafetensors } from "../../engine/safetensors.ts";
import { mutateJson, pick } from "./mutate-json.ts";

export type Mutation = (random: Random, bytes: Uint8Array) => Uint8Array;

const concatenated = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A place in a file: half of the time near its beginning, where most depends on it. */
function place(random: Random, length: number): number {
  return random.integer(random.integer(2) === 0 ? length + 1 : Math.min(length, 64) + 1);
}

export const mutateBytes: Mutation = (random, bytes) => {
  const at = place(random, bytes.length);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.integer(6)) {
    case 0:
      return head.slice();
    case 1:
      return concatenated(
        head,
        Uint8Array.from({ length: 1 + random.integer(9) }, () => random.integer(256)),
        tail,
      );
    case 2:
      return concatenated(head, tail.subarray(random.integer(tail.length + 1)));
    case 3:
      return concatenated(head, bytes.subarray(place(random, bytes.length)));
    default: {
      const changed = bytes.slice();
      for (let flips = 1 + random.integer(4); flips > 0; flips--) {
        changed[place(random, bytes.length)] ^= 1 << random.integer(8);
      }
      return changed;
    }
  }
};

export const mutateJsonBytes: Mutation = (random, bytes) => utf8(mutateJson(random, new TextDecoder().decode(bytes)));

const oddLines = [
  "",
  " ",
  "\0",
  "[UNK]",
  "[CLS]",
  "##",
  "###",
  "a",
  "\r",
  "\ud800",
  "e\u0301",
  "x".repeat(3000),
  "[MASK]",
];

export const mutateVocabulary: Mutation = (random, bytes) => {
  const lines = new TextDecoder().decode(bytes).split("\n");
  const at = random.integer(lines.length);
  switch (random.integer(7)) {
    case 0:
      lines.splice(at, 1 + random.integer(3));
      break;
    case 1:
      lines.splice(at, 0, pick(random, oddLines));
      break;
    case 2:
      lines[at] = lines[random.integer(lines.length)];
      break;
    case 3:
      lines[at] = pick(random, oddLines);
      break;
    case 4:
      random.shuffle(lines);
      break;
    case 5:
      return utf8(lines.join(pick(random, ["\r\n", "\r", "\n\n", " ", "\0"])));
    default:
      return concatenated(
        bytes,
        Uint8Array.from({ length: 1 + random.integer(4) }, () => 128 + random.integer(128)),
      );
  }
  return utf8(lines.join("\n"));
};

type Entry = { dtype: unknown; shape: number[]; data_offsets: [number, number] };
type Header = Record<string, Entry>;

/** The same data under another header. */
function withHeader(bytes: Uint8Array, rewrite: (json: string) => string): Uint8Array {
  const start = dataStart(bytes);
  const header = utf8(rewrite(new TextDecoder().decode(bytes.subarray(8, start))));
  return concatenated(lengthField(BigInt(header.length)), header, bytes.subarray(start));
}

function dataStart(bytes: Uint8Array): number {
  return 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
}

function lengthField(length: bigint): Uint8Array {
  const field = new Uint8Array(8);
  new DataView(field.buffer).setBigUint64(0, length, true);
  return field;
}

const dtypes = [
  "F64",
  "F32",
  "F16",
  "BF16",
  "F8_E4M3",
  "I64",
  "I32",
  "I16",
  "I8",
  "U8",
  "BOOL",
  "F4",
  "",
  7,
  null,
  "f32",
];

function lie(random: Random, header: Header): string {
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  const name = pick(random, names);
  const entry = header[name];
  const { shape, data_offsets: offsets } = entry;
  const other = header[pick(random, names)];
  const by = pick(random, [1, -1, 2, 4, -4, 8, 1e6, 2 ** 31, 2 ** 53, -(2 ** 31)]);
  switch (random.integer(9)) {
    case 0:
      entry.dtype = pick<unknown>(random, dtypes);
      break;
    case 1:
      entry.shape = pick(random, [
        [...shape].reverse(),
        [shape.reduce((a, b) => a * b, 1)],
        [1, ...shape],
        [...shape, 1],
      ]);
      break;
    case 2:
      entry.shape = pick(random, [
        [],
        [0],
        [2 ** 31, 2 ** 31],
        [2 ** 53 - 1, 8],
        shape.map((side) => side + by),
        [0.5],
        [-1],
      ]);
      break;
    case 3:
      offsets[random.integer(2)] += by;
      break;
    case 4:
      entry.data_offsets = [...other.data_offsets];
      break;
    case 5:
      [entry.data_offsets, other.data_offsets] = [other.data_offsets, entry.data_offsets];
      break;
    case 6:
      delete header[name];
      header[pick(random, ["bert.x", `bert.${name}`, name.replace("weight", "gamma"), name.toUpperCase()])] = entry;
      break;
    case 7:
      return JSON.stringify(header).replace("{", `{${JSON.stringify(name)}:${JSON.stringify(other)},`);
    default:
      // Half the values of half the width: the bytes agree, the shape does not.
      entry.dtype = "F16";
      entry.shape = [...shape.slice(0, -1), 2 * shape[shape.length - 1]];
  }
  return JSON.stringify(header);
}

const oddFloats = [Number.NaN, Number.POSITIVE_INFINITY, 3e38, -3e38, 1e20, 1e-40, 0, -1e30];

export const mutateCheckpoint: Mutation = (random, bytes) => {
  const start = dataStart(bytes);
  switch (random.integer(10)) {
    case 0: {
      const real = start - 8;
      const size = bytes.length;
      const lengths = [0, 1, 2, 7, real - 1, real + 1, size - 8, size - 7, size, 1e8, 2 ** 31, 2 ** 32, 2 ** 53];
      const huge = [2n ** 63n, 2n ** 64n - 1n];
      const length = random.integer(8) === 0 ? pick(random, huge) : BigInt(pick(random, lengths));
      return concatenated(lengthField(length), bytes.subarray(8));
    }
    case 1:
      return concatenated(bytes, new Uint8Array(1 + random.integer(64)));
    case 2:
      return bytes.slice(0, start + random.integer(bytes.length - start));
    case 3: {
      const changed = bytes.slice();
      const view = new DataView(changed.buffer);
      for (let count = 1 + random.integer(8); count > 0; count--) {
        const at = start + 4 * random.integer((bytes.length - start) >> 2);
        view.setFloat32(at, pick(random, oddFloats), true);
      }
      return changed;
    }
    case 4: {
      const changed = bytes.slice();
      for (let count = 1 + random.integer(64); count > 0; count--) {
        changed[start + random.integer(bytes.length - start)] = random.integer(256);
      }
      return changed;
    }
    case 5:
    case 6:
      return withHeader(bytes, (json) => mutateJson(random, json));
    default:
      return withHeader(bytes, (json) => lie(random, JSON.parse(json) as Header));
  }
};

/** A table of another number of rows, in the checkpoint and in the configuration: the two agree. */
export function resize(random: Random, files: FileBytes): FileBytes {
  const config = JSON.parse(new TextDecoder().decode(files["config.json"]));
  const [key, table] = pick(random, [
    ["vocab_size", "word_embeddings"],
    ["max_position_embeddings", "position_embeddings"],
    ["type_vocab_size", "token_type_embeddings"],
  ] as const);
  const checkpoint = files["model.safetensors"];
  if (checkpoint === undefined || typeof config[key] !== "number") return files;
  const rows = pick(random, [1, 2, 3, 4, 30, 500, 3000]);
  const tensors = [...parseSafetensors(checkpoint, "resize")].map(([name, stored]): [string, WritableTensor] => {
    const { dtype, shape } = stored;
    if (dtype === "I8") return [name, { shape, data: stored.readInt8() }];
    const data = stored.read();
    if (!name.includes(`.${table}.`)) return [name, { shape, data, dtype: dtype as "F32" }];
    const resized = Float32Array.from({ length: rows * shape[1] }, (_, i) => data[i % data.length]);
    return [name, { shape: [rows, shape[1]], data: resized, dtype: dtype as "F32" }];
  });
  return {
    ...files,
    "config.json": utf8(JSON.stringify({ ...config, [key]: rows })),
    "model.safetensors": writeSafetensors(new Map(tensors), { dtype: "F32" }),
  };
}
