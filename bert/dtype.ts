/**
 * In what numbers a model's linear layers compute, and which of them: with "int8" those inside the encoder, where nearly all of
 * the arithmetic is. Embeddings are read, not multiplied; heads and skim predictors take the decisions and cost little: they stay float32.
 */
import type { Int8Matrix } from "../engine/backend.ts";
import { show, TaperError } from "../engine/errors.ts";
import type { StoredTensor } from "../engine/safetensors.ts";
import { transpose, view } from "../engine/view.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { quantiseWeights, weightLevels } from "../kernels/matmul-int8/quantise.ts";
import type { ParameterSource } from "./parameters.ts";

/** In what the encoder's linear layers compute: float32, or 8-bit integers with float32 scales. */
export type Dtype = "f32" | "int8";

const dtypes: readonly string[] = ["f32", "int8"] satisfies Dtype[];

/** Throws ERR_OPTION for anything but a dtype or nothing. `where` begins the message. */
export function checkDtype(value: unknown, where: string): Dtype | undefined {
  if (value === undefined || (typeof value === "string" && dtypes.includes(value))) return value as Dtype | undefined;
  const near = { fp32: "f32", float32: "f32", q8: "int8", uint8: "int8" }[String(value)];
  const hint = near === undefined ? "" : ` "${near}" is what that is called here.`;
  throw new TaperError(
    "ERR_OPTION",
    `${where}: expected ${dtypes.map(show).join(" or ")}; found ${show(value)}.${hint}`,
  );
}

const linears = "attention\\.self\\.(query|key|value)|attention\\.output\\.dense|intermediate\\.dense|output\\.dense";
const int8Weight = new RegExp(`^(bert\\.)?encoder\\.layer\\.\\d+\\.(${linears})\\.weight$`);

/** Whether a tensor of this name is one that "int8" is about. */
export const isInt8Weight = (name: string): boolean => int8Weight.test(name);

/** The name under which a weight's scales are stored. */
export const scaleName = (weight: string): string => `${weight}_scale`;

/** A source that packs the encoder's linear layers in 8 bits, from values [m, k] that `read` gives; it has the rest from `source`. */
export function int8Source(
  source: ParameterSource,
  backend: InferenceBackend,
  read: (name: string, shape: readonly number[]) => Float32Array,
): ParameterSource {
  return {
    ...source,
    linear: (names, m, k) =>
      names.every(isInt8Weight)
        ? backend.packInt8(stacked(names.map((name) => quantised(read(name, [m, k]), m, k))))
        : source.linear(names, m, k),
  };
}

/** A weight [m, k] as its layer will use it. */
export function quantised(values: Float32Array, m: number, k: number): Int8Matrix {
  return quantiseWeights(transpose(view(values, [m, k])));
}

/** A weight [m, k] and its scales [m] as `taperbert quantize` stored them. Throws ERR_CHECKPOINT if they cannot be such. */
export function storedInt8(name: string, weight: StoredTensor, scale: StoredTensor): Int8Matrix {
  const [m, k] = weight.shape;
  const [values, scales] = [weight.readInt8(), scale.read()];
  const refuse = (what: string, expected: string, found: number): TaperError =>
    new TaperError(
      "ERR_CHECKPOINT",
      `tensor "${what}": expected ${expected}; found ${found}. Quantise the model again.`,
    );
  for (const value of scales) {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw refuse(scaleName(name), "finite scales from 0", value);
  }
  if (mayExceed(values)) {
    const found = values.find((value) => Math.abs(value) > weightLevels);
    if (found !== undefined) throw refuse(name, `integers from −${weightLevels} to ${weightLevels}`, found);
  }
  return { m, k, values, scales };
}

/** Whether some of the integers may lie beyond ±63. Four at a time: BERT-base has 85 million, and one by one they took a third of its load. */
function mayExceed(values: Int8Array): boolean {
  if (values.byteOffset % 4 !== 0 || values.length % 4 !== 0) return true;
  const words = new Int32Array(values.buffer, values.byteOffset, values.length / 4);
  let signs = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    // −64 … 63 have equal bits 7 and 6; −64 itself is a byte of 0 here, which alone borrows from its highest bit.
    const without = word ^ 0xc0c0c0c0;
    signs |= (word ^ (word << 1)) | ((without - 0x01010101) & ~without);
  }
  return (signs & 0x80808080) !== 0;
}

/** Matrices of one shape, one above the other. */
export function stacked(parts: readonly Int8Matrix[]): Int8Matrix {
  if (parts.length === 1) return parts[0];
  const [{ m, k }] = parts;
  const values = new Int8Array(parts.length * m * k);
  const scales = new Float32Array(parts.length * m);
  for (const [i, part] of parts.entries()) {
    values.set(part.values, i * m * k);
    scales.set(part.scales, i * m);
  }
  return { m: parts.length * m, k, values, scales };
}
