/** The writers of protobuf and ONNX against bytes worked out by hand, and against a reader that follows the wire format. */
import { expect, it } from "vitest";
import { bertModel } from "../../bench/onnx/bert.ts";
import { writeOnnx } from "../../bench/onnx/model.ts";
import { bytes, float, integer, join, message, nested, text } from "../../bench/onnx/protobuf.ts";
import { quantiseColumns } from "../../bench/onnx/quantise.ts";
import { productOf } from "../../bench/peers/dense.ts";
import { randomWeights } from "../../bench/random-model.ts";
import { configOfShape } from "../../bert/config.ts";

const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

it("encodes the examples of the wire format's documentation", () => {
  expect(hex(join(integer(1, 150)))).toBe("089601");
  expect(hex(join(text(2, "testing")))).toBe("120774657374696e67");
  expect(hex(join(nested(3, integer(1, 150))))).toBe("1a03089601");
});

it("encodes floats, long tags, long numbers and bytes in place", () => {
  expect(hex(join(float(2, 1)))).toBe("150000803f");
  expect(hex(join(integer(20, 1)))).toBe("a00101");
  expect(hex(join(integer(1, 2 ** 40)))).toBe("08808080808020");
  expect(hex(join(bytes(9, Float32Array.of(1, -2).subarray(1))))).toBe("4a04000000c0");
  expect(hex(join(message(integer(1, 0), text(2, "é"))))).toBe("08001202c3a9");
});

it("writes a graph's parts into their fields", () => {
  const model = read(
    writeOnnx({
      nodes: [
        { op: "Add", inputs: ["x", "c"], outputs: ["y"] },
        {
          op: "Odd",
          inputs: ["y", ""],
          outputs: ["z", "z2"],
          domain: "com.microsoft",
          attributes: { whole: 3, list: [1, 2], name: "n", real: { float: 0.5 } },
        },
      ],
      constants: [{ name: "c", shape: [2, 1], data: Float32Array.of(1, 2) }],
      inputs: [{ name: "x", type: "f32", shape: ["n", 1] }],
      outputs: [{ name: "z", type: "i8", shape: [2] }],
    }),
  );
  expect(model[1]).toEqual([8]);
  expect(model[8].map((imported) => texts(read(imported as Uint8Array)[1]))).toEqual([[""], ["com.microsoft"]]);
  const graph = read(model[7][0] as Uint8Array);
  const [add, odd] = graph[1].map((node) => read(node as Uint8Array));
  expect([texts(add[1]), texts(add[2]), texts(add[4])]).toEqual([["x", "c"], ["y"], ["Add"]]);
  expect([texts(odd[1]), texts(odd[2]), texts(odd[7])]).toEqual([["y", ""], ["z", "z2"], ["com.microsoft"]]);
  const attributes = odd[5].map((attribute) => read(attribute as Uint8Array));
  expect(attributes.map((one) => [texts(one[1])[0], one[20][0]])).toEqual([
    ["whole", 2],
    ["list", 7],
    ["name", 3],
    ["real", 1],
  ]);
  expect([attributes[0][3], attributes[1][8], texts(attributes[2][4]), attributes[3][2]]).toEqual([
    [3],
    [1, 2],
    ["n"],
    [0.5],
  ]);
  const tensor = read(graph[5][0] as Uint8Array);
  expect([tensor[1], tensor[2], texts(tensor[8])]).toEqual([[2, 1], [1], ["c"]]);
  expect(hex(tensor[9][0] as Uint8Array)).toBe("0000803f00000040");
  const type = read(read(read(graph[11][0] as Uint8Array)[2][0] as Uint8Array)[1][0] as Uint8Array);
  const sides = read(type[2][0] as Uint8Array)[1].map((side) => read(side as Uint8Array));
  expect([type[1], texts(sides[0][2]), sides[1][1]]).toEqual([[1], ["n"], [1]]);
  expect(texts(read(graph[12][0] as Uint8Array)[1])).toEqual(["z"]);
});

const small = configOfShape({ layers: 2, d: 8, h: 2, f: 12 }, { vocabulary: 20, maxPositions: 10 });

it.each(["f32", "int8"] as const)("a BERT in %s uses nothing that is not made before", (dtype) => {
  const options = { dtype, padding: true };
  const graph = read(read(bertModel({ config: small, read: randomWeights(1) }, options))[7][0] as Uint8Array);
  const known = new Set(["", ...graph[5].map((tensor) => texts(read(tensor as Uint8Array)[8])[0]), "ids", "lengths"]);
  const ops: string[] = [];
  for (const node of graph[1].map((one) => read(one as Uint8Array))) {
    for (const name of texts(node[1] ?? [])) expect(known, name).toContain(name);
    for (const name of texts(node[2])) known.add(name);
    ops.push(texts(node[4])[0]);
  }
  expect(known).toContain("logits");
  const products = dtype === "f32" ? "MatMul" : "DynamicQuantizeMatMul";
  expect(ops.filter((op) => op === products).length).toBe(6 * small.layers);
  expect(ops.filter((op) => op === "MultiHeadAttention").length).toBe(small.layers);
});

it("puts linear layers side by side, transposed", () => {
  const values: Record<string, number[]> = {
    "a.weight": [1, 2, 3, 4, 5, 6],
    "a.bias": [7, 8],
    "b.weight": [11, 12, 13, 14, 15, 16],
    "b.bias": [17, 18],
  };
  const weights = { config: small, read: (name: string) => Float32Array.from(values[name]) };
  const { k, m, weights: all, bias } = productOf(weights, ["a", "b"], 2, 3);
  expect([k, m, [...bias]]).toEqual([3, 4, [7, 8, 17, 18]]);
  expect([...all]).toEqual([1, 4, 11, 14, 2, 5, 12, 15, 3, 6, 13, 16]);
});

it("quantises each column by its own largest weight, and a column of zeros to zeros", () => {
  const { values, scales } = quantiseColumns(Float32Array.of(127, 0, -1, -254, 0, 0.5), 2, 3);
  expect([...scales]).toEqual([2, 1, Math.fround(1 / 127)]);
  expect([...values]).toEqual([64, 0, -127, -127, 0, 64]);
});

type Fields = Record<number, (number | Uint8Array)[]>;

/** A message's fields, repeated ones in order; messages inside are left as bytes. */
function read(from: Uint8Array): Fields {
  const fields: Fields = {};
  const varint = (): number => {
    let value = 0;
    for (let place = 1; ; place *= 128) {
      const byte = from[at++];
      value += (byte & 127) * place;
      if (byte < 128) return value;
    }
  };
  let at = 0;
  while (at < from.length) {
    const tag = varint();
    let value: number | Uint8Array;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 5) {
      value = new DataView(from.buffer, from.byteOffset + at).getFloat32(0, true);
      at += 4;
    } else {
      expect(tag % 8).toBe(2);
      const length = varint();
      value = from.subarray(at, at + length);
      expect(value.length).toBe(length);
      at += length;
    }
    const field = Math.floor(tag / 8);
    fields[field] = [...(fields[field] ?? []), value];
  }
  return fields;
}

function texts(values: readonly (number | Uint8Array)[]): string[] {
  return values.map((value) => new TextDecoder().decode(value as Uint8Array));
}
