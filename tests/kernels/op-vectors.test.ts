// Published vectors: the literal cases of onnxruntime's own tests (MIT, https://github.com/microsoft/onnxruntime, test/contrib_ops)
// for fused attention, residual + LayerNorm and embeddings + LayerNorm. A few are committed; all run where ../shared is.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Handle } from "../../engine/backend.ts";
import { view } from "../../engine/view.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { sharedFile } from "../shared.ts";

type Matrix = number[][];
interface Vectors {
  attention: {
    name: string;
    mask_len: number;
    num_heads: number;
    input: Matrix;
    weight_qkv: Matrix;
    bias_qkv: number[];
    output: Matrix;
  }[];
  skip_layer_norm: {
    name: string;
    eps: number;
    gamma: number[];
    beta: number[];
    bias: number[] | null;
    input: Matrix[];
    skip: Matrix[];
    output: Matrix[];
  }[];
  embed_layer_norm: {
    name: string;
    eps: number;
    word: Matrix;
    position: Matrix;
    segment: Matrix | null;
    gamma: number[];
    beta: number[];
    input_ids: Matrix;
    segment_ids: Matrix | null;
    output: Matrix[];
  }[];
}

const committed = new URL("../fixtures/kernels/op-vectors.json", import.meta.url);
const read = (file: string | URL): Vectors => JSON.parse(readFileSync(file, "utf8"));
const shared = sharedFile("fixtures/kernels/bert_op_vectors.json");

const backends: [string, () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
  ["wasm, plain", () => wasmBackend({ variant: "plain" })],
  ["wasm", wasmBackend],
];

describe.each(backends)("%s reproduces onnxruntime's vectors", (_, makeBackend) => {
  const backend = makeBackend();
  // The literals are float32 themselves, up to 2 units in the last place off (5.649999141693115 for 5.65): absolutely below 1e-6
  // in float64, relatively where buffers are float32.
  const exact = backend.name === "reference";
  const { attention, skip_layer_norm, embed_layer_norm } = shared ? read(shared) : read(committed);
  const floats = (values: readonly unknown[]): Handle => {
    const flat = values.flat(2) as number[];
    return backend.upload(view(Float32Array.from(flat), [flat.length]));
  };
  const integers = (values: readonly number[]): Handle =>
    backend.upload(view(Int32Array.from(values), [values.length]));
  const expectValues = async (handle: Handle, expected: readonly unknown[]): Promise<void> => {
    const found = await backend.read(handle);
    const flat = expected.flat(2) as number[];
    expect(found.length).toBe(flat.length);
    for (const [i, value] of flat.entries()) {
      expect(Math.abs(found[i] - value)).toBeLessThan(1e-6 * (exact ? 1 : Math.max(1, Math.abs(value))));
    }
  };

  test.each(attention)("$name", async ({ input, weight_qkv, bias_qkv, output, num_heads, mask_len }) => {
    const [n, d] = [input.length, input[0].length];
    const weights = backend.pack(view(Float32Array.from(weight_qkv.flat()), [d, 3 * d]));
    const [qkv, out] = [backend.allocate(n * 3 * d), backend.allocate(n * d)];
    backend.op("matmul", { out: qkv, a: floats(input), weights, bias: floats(bias_qkv), n, k: d, m: 3 * d });
    const mask = floats(input.map((_, row) => (row < mask_len ? 1 : 0)));
    const sizes = { n, d, h: num_heads, texts: 1, pairs: n * n };
    backend.op("attention", { out, qkv, starts: integers([0, n]), mask, ...sizes });
    await expectValues(out, output);
  });

  test.each(skip_layer_norm)("$name", async ({ input, skip, bias, gamma, beta, eps, output }) => {
    const d = gamma.length;
    const n = input.length * input[0].length;
    const [x, out] = [backend.allocate(n * d), backend.allocate(n * d)];
    const shifted = skip.map((text) => text.map((row) => row.map((value, j) => value + (bias?.[j] ?? 0))));
    backend.op("add", { out: x, a: floats(input), b: floats(shifted), length: n * d });
    backend.op("layerNorm", { out, x, gamma: floats(gamma), beta: floats(beta), eps, n, d });
    await expectValues(out, output);
  });

  test.each(embed_layer_norm)(
    "$name",
    async ({ input_ids, segment_ids, word, position, segment, gamma, beta, eps, output }) => {
      const d = gamma.length;
      const ids = input_ids.flat();
      const n = ids.length;
      const types = segment ?? [new Array(d).fill(0)];
      const [x, out] = [backend.allocate(n * d), backend.allocate(n * d)];
      backend.op("embed", {
        out: x,
        word: floats(word),
        position: floats(position),
        segment: floats(types),
        ids: integers(ids),
        positions: integers(input_ids.flatMap((text) => text.map((_, i) => i))),
        segments: integers(segment_ids?.flat() ?? ids.map(() => 0)),
        ...{ n, d, vocabulary: word.length, maxPositions: position.length, types: types.length },
      });
      backend.op("layerNorm", { out, x, gamma: floats(gamma), beta: floats(beta), eps, n, d });
      await expectValues(out, output);
    },
  );
});
