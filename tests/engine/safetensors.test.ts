/** Safetensors files: what is written is read again, a published file is read, and every lie is refused by name. */

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { writeFileAtomically } from "../../engine/files.ts";
import { bfloatsToFloats, floatsToBfloats, floatsToHalves, halvesToFloats } from "../../engine/half.ts";
import {
  parseMetadata,
  parseSafetensors,
  type StoredType,
  type WritableTensor,
  writeSafetensors,
} from "../../engine/safetensors.ts";
import { readSafetensorsFile } from "../../engine/safetensors-file.ts";
import { sharedFile } from "../shared.ts";

const directory = mkdtempSync(join(tmpdir(), "taper-safetensors-"));
afterAll(() => rmSync(directory, { recursive: true }));

const tensor = (shape: number[], ...values: number[]) => ({ shape, data: Float32Array.from(values) });
const sample = new Map([
  ["a", tensor([2, 3], 1, -2, 0.1, 1e-7, -0, 65504)],
  ["__proto__", tensor([1], 7)],
  ["none", tensor([0, 5])],
  ["scalar", tensor([], 42)],
]);

/** A file from a header, as text or as an object, and a number of zero bytes. */
function file(header: unknown, dataBytes = 0, length?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, "model.safetensors");
  } catch (error) {
    expect(error).toMatchObject({ name: "TaperError", code: "ERR_CHECKPOINT" });
    expect((error as Error).message).toContain("model.safetensors");
    return (error as Error).message;
  }
  return "not refused";
}

describe("what is written is read again", () => {
  const rounded: Record<StoredType, (data: Float32Array) => Float32Array> = {
    F32: (data) => data,
    F16: (data) => halvesToFloats(floatsToHalves(data)),
    BF16: (data) => bfloatsToFloats(floatsToBfloats(data)),
  };

  test.each(Object.keys(rounded) as StoredType[])("as %s", (dtype) => {
    const bytes = writeSafetensors(sample, { dtype, metadata: { format: "pt" } });
    const tensors = parseSafetensors(bytes, "x");
    expect([...tensors.keys()]).toEqual([...sample.keys()]);
    for (const [name, { shape, data }] of sample) {
      expect(tensors.get(name)).toMatchObject({ dtype, shape });
      expect(tensors.get(name)!.read()).toEqual(rounded[dtype](data));
    }
    expect([...parseMetadata(bytes, "x")]).toEqual([["format", "pt"]]);
    expect(writeSafetensors(sample, { dtype, metadata: { format: "pt" } })).toEqual(bytes);
  });

  test("integers as I8, beside floats of a type of their own", () => {
    const integers = Int8Array.of(-128, -1, 0, 1, 127, 5);
    const tensors = new Map<string, WritableTensor>([
      ["q", { shape: [2, 3], data: integers }],
      ["s", { shape: [2], data: Float32Array.of(0.1, 3), dtype: "F32" }],
      ["t", { shape: [1], data: Float32Array.of(0.1) }],
    ]);
    const read = parseSafetensors(writeSafetensors(tensors, { dtype: "F16" }), "x");
    expect([...read.values()].map(({ dtype }) => dtype)).toEqual(["I8", "F32", "F16"]);
    expect(read.get("q")!.readInt8()).toEqual(integers);
    expect(read.get("s")!.read()).toEqual(Float32Array.of(0.1, 3));
    expect(() => read.get("q")!.read()).toThrow("F32, F16 or BF16; found I8");
    expect(() => read.get("s")!.readInt8()).toThrow("type I8; found F32");
    const short = new Map([["q", { shape: [7], data: integers }]]);
    expect(() => writeSafetensors(short, { dtype: "F32" })).toThrow("7 values");
  });

  test("from bytes at an odd address", () => {
    for (const dtype of Object.keys(rounded) as StoredType[]) {
      const bytes = writeSafetensors(sample, { dtype });
      const moved = new Uint8Array(bytes.length + 1);
      moved.set(bytes, 1);
      const [aligned, odd] = [parseSafetensors(bytes, "x"), parseSafetensors(moved.subarray(1), "x")];
      for (const name of sample.keys()) expect(odd.get(name)!.read()).toEqual(aligned.get(name)!.read());
    }
  });

  test("from a file", async () => {
    const path = join(directory, "sample.safetensors");
    await writeFileAtomically(path, writeSafetensors(sample, { dtype: "F32" }));
    const tensors = await readSafetensorsFile(path);
    expect([...tensors.keys()]).toEqual([...sample.keys()]);
    for (const [name, { data }] of sample) expect(tensors.get(name)!.read()).toEqual(data);
  });

  test("the header's length is as the format wants it, and data begins aligned", () => {
    const bytes = writeSafetensors(sample, { dtype: "F32" });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    expect(bytes[8]).toBe("{".charCodeAt(0));
    expect(bytes.length).toBe(8 + length + 4 * (6 + 1 + 0 + 1));
  });
});

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("refused, with the reason", () => {
  const cases: [string, Uint8Array, ...string[]][] = [
    ["an empty file", new Uint8Array(0), "at least 8 bytes", "found 0"],
    ["half a length", new Uint8Array(5), "at least 8 bytes", "found 5"],
    ["a header that ends too early", file("{}", 0, 3n), "expected 3 bytes", "found 2", "truncated"],
    ["an absurd header", file("{}", 0, 2n ** 63n), "9223372036854775808", "no safetensors file"],
    ["a header that is no JSON", file("{nonsense}"), "JSON"],
    ["a header that is no object", file([1]), "JSON object", "[1]"],
    ["a tensor that is no object", file({ w: 3 }), '"w"', "found 3"],
    ["no dtype", file({ w: { shape: [], data_offsets: [0, 0] } }), '"w": dtype', "nothing"],
    ["a negative side", file({ w: entry("F32", [-1], 0, 4) }, 4), '"w": shape', "[-1]"],
    ["half a side", file({ w: entry("F32", [1.5], 0, 6) }, 6), '"w": shape', "1.5"],
    ["three offsets", file({ w: { dtype: "F32", shape: [], data_offsets: [0, 4, 8] } }, 4), "data_offsets", "[0,4,8]"],
    ["offsets backwards", file({ w: entry("F32", [1], 4, 0) }, 4), '"w": data_offsets', "[4,0]"],
    ["truncated data", file({ w: entry("F32", [2], 0, 8) }, 4), '"w"', "byte 8", "4 bytes", "truncated"],
    ["a shape that lies", file({ w: entry("F32", [3], 0, 8) }, 8), '"w"', "12 bytes for F32 [3]", "found 8"],
    ["an enormous shape", file({ w: entry("F32", [2 ** 40, 2 ** 40], 0, 8) }, 8), '"w"', "found 8"],
    ["overlap", file({ a: entry("U8", [4], 0, 4), b: entry("U8", [4], 2, 6) }, 6), '"b"', "byte 4", "overlaps"],
    ["a hole", file({ a: entry("U8", [2], 0, 2), b: entry("U8", [2], 4, 6) }, 6), '"b"', "byte 2", "hole"],
    ["data no one owns", file({ a: entry("U8", [2], 0, 2) }, 5), "2 bytes of tensor data", "found 5"],
    [
      "a name twice",
      file(
        '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0077":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        1,
      ),
      '"w"',
      "twice",
    ],
    ["metadata that is no object", file({ __metadata__: "x" }), "__metadata__"],
    ["metadata that is no text", file({ __metadata__: { step: 3 } }), '"step"', "found 3"],
    ["deep nesting", file("[".repeat(1_000_000)), "JSON"],
  ];

  test.each(cases)("%s", (_, bytes, ...parts) => {
    const message = refusal(bytes);
    for (const part of parts) expect(message).toContain(part);
  });

  test("the same from a file", async () => {
    for (const [name, bytes, ...parts] of cases) {
      const path = join(directory, `${name}.safetensors`);
      writeFileSync(path, bytes);
      const error = await rejection(readSafetensorsFile(path));
      expect(error, name).toMatchObject({ code: "ERR_CHECKPOINT" });
      for (const part of [path, ...parts]) expect(error.message, name).toContain(part);
    }
  });

  test("every prefix of a good file", () => {
    const bytes = writeSafetensors(sample, { dtype: "F16" });
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(bytes.subarray(0, length))).not.toBe("not refused");
    }
  });

  test("damaged bytes give a refusal or a file that holds together, never another error", () => {
    const good = writeSafetensors(sample, { dtype: "F32", metadata: { a: "b" } });
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(damage, (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        if (refusal(bytes) !== "not refused") return;
        for (const { dtype, shape, read } of parseSafetensors(bytes, "x").values()) {
          if (dtype === "F32") expect(read().length).toBe(shape.reduce((a, b) => a * b, 1));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test("a missing file, and a directory", async () => {
    expect(await rejection(readSafetensorsFile(join(directory, "nowhere")))).toMatchObject({ code: "ERR_FILE" });
    expect(await rejection(readSafetensorsFile(directory))).toMatchObject({ name: "TaperError" });
  });

  test("what cannot be written", () => {
    const write = (name: string, value: { shape: number[]; data: Float32Array }) => () =>
      writeSafetensors(new Map([[name, value]]), { dtype: "F16" });
    expect(write("w", tensor([3], 1, 2))).toThrow(/"w".*3 values.*found 2/);
    expect(write("w", tensor([-1, -1], 1))).toThrow(/"w".*shape/);
    expect(write("w", tensor([2], 1, -70000))).toThrow(/"w".*65504 for F16.*-70000 at 1/);
    expect(write("__metadata__", tensor([], 1))).toThrow(/__metadata__/);
    expect(write("w", tensor([2], Number.POSITIVE_INFINITY, 65519))).not.toThrow();
  });
});

test("other data types are listed, and refused by name when read", () => {
  const ids = file({ position_ids: entry("I64", [2], 0, 16), odd: entry("F4", [3], 16, 18) }, 18);
  const tensors = parseSafetensors(ids, "model.safetensors");
  expect(tensors.get("position_ids")).toMatchObject({ dtype: "I64", shape: [2] });
  expect(() => tensors.get("position_ids")!.read()).toThrow(/model\.safetensors.*"position_ids".*found I64/);
  expect(() => tensors.get("odd")!.read()).toThrow(/found F4/);
});

describe("a published checkpoint", () => {
  const path = sharedFile("fixtures/bert-tiny-sst2/encoder.safetensors");

  test.skipIf(!path)("is read, and written again with the same data", async () => {
    const tensors = await readSafetensorsFile(path!);
    const name = "bert.encoder.layer.0.attention.self.query.weight";
    expect(tensors.get(name)).toMatchObject({ dtype: "F32", shape: [128, 128] });
    const copy = new Map([...tensors].map(([key, { shape, read }]) => [key, { shape, data: read() }]));
    const written = writeSafetensors(copy, { dtype: "F32" });
    const again = parseSafetensors(written, "copy");
    const original = parseSafetensors(new Uint8Array(readFileSync(path!)), "original");
    expect([...again.keys()]).toEqual([...original.keys()]);
    const digest = (values: Float32Array) =>
      createHash("sha1").update(new Uint8Array(values.slice().buffer)).digest("hex");
    for (const [key, stored] of original) expect(digest(again.get(key)!.read())).toBe(digest(stored.read()));
  });
});

describe("writing files", () => {
  test("replaces, and leaves nothing else behind", async () => {
    const plain = join(directory, "replaced.txt");
    await writeFileAtomically(plain, "first");
    await writeFileAtomically(plain, new TextEncoder().encode("second"));
    expect(readFileSync(plain, "utf8")).toBe("second");
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    const inNewFolders = join(directory, "new", "folder", "file");
    await writeFileAtomically(inNewFolders, "x");
    expect(readFileSync(inNewFolders, "utf8")).toBe("x");
  });

  test("a failure leaves the old file and no new one", async () => {
    const occupied = mkdtempSync(join(directory, "occupied-"));
    writeFileSync(join(occupied, "inside"), "kept");
    expect(await rejection(writeFileAtomically(occupied, "x"))).toMatchObject({ code: "ERR_FILE" });
    expect(readFileSync(join(occupied, "inside"), "utf8")).toBe("kept");
    const below = join(occupied, "inside", "file");
    expect(await rejection(writeFileAtomically(below, "x"))).toMatchObject({
      code: "ERR_FILE",
      message: expect.stringMatching(/^(?!.*\.tmp).*file cannot be written: /),
    });
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a truncated file is refused before its data is read", async () => {
    const path = join(directory, "cut.safetensors");
    writeFileSync(path, writeSafetensors(sample, { dtype: "F32" }));
    truncateSync(path, readFileSync(path).length - 1);
    expect((await rejection(readSafetensorsFile(path))).message).toContain("truncated");
  });
});

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("not refused"),
    (error: Error) => error,
  );
}
