/**
 * Ragged attention by plain loops: one query at a time, four keys or four columns abreast; the sums are float64.
 * Rows masked with 0 are passed over, so their numbers (NaN too) reach nobody.
 */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { AttentionArgs } from "./contract.ts";

type Floats = Float32Array | Int32Array;

export function attention(args: AttentionArgs<ScalarHandle>): void {
  const { d, h, texts } = args;
  const [out, qkv, starts] = [args.out.data, args.qkv.data, args.starts.data];
  const mask = args.mask?.data;
  const importance = args.importance?.data;
  const width = d / h;
  let longest = 0;
  for (let t = 0; t < texts; t++) longest = Math.max(longest, starts[t + 1] - starts[t]);
  const p = new Float64Array(longest);
  const received = new Float64Array(longest);
  for (let t = 0; t < texts; t++) {
    const start = starts[t];
    const rows = starts[t + 1] - start;
    let queries = 0;
    for (let i = 0; i < rows; i++) queries += mask ? mask[start + i] : 1;
    received.fill(0, 0, rows);
    for (let x = 0; x < h; x++) {
      for (let i = 0; i < rows; i++) {
        scores(p, qkv, start, rows, start + i, d, x * width, width);
        normalise(p, rows, mask, start);
        average(out, p, qkv, start, rows, start + i, d, x * width, width);
        const weight = mask ? mask[start + i] : 1;
        if (importance && weight !== 0) for (let j = 0; j < rows; j++) received[j] += weight * p[j];
      }
    }
    if (importance) for (let j = 0; j < rows; j++) importance[start + j] = queries ? received[j] / (h * queries) : 0;
  }
}

/** p[j] = q_i · k_j / √width. */
function scores(
  p: Float64Array,
  qkv: Floats,
  start: number,
  rows: number,
  i: number,
  d: number,
  column: number,
  width: number,
): void {
  const query = i * 3 * d + column;
  const root = Math.sqrt(width);
  let j = 0;
  for (; j + 3 < rows; j += 4) {
    const k0 = (start + j) * 3 * d + d + column;
    const [k1, k2, k3] = [k0 + 3 * d, k0 + 6 * d, k0 + 9 * d];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let c = 0; c < width; c++) {
      const q = qkv[query + c];
      s0 += q * qkv[k0 + c];
      s1 += q * qkv[k1 + c];
      s2 += q * qkv[k2 + c];
      s3 += q * qkv[k3 + c];
    }
    p[j] = s0 / root;
    p[j + 1] = s1 / root;
    p[j + 2] = s2 / root;
    p[j + 3] = s3 / root;
  }
  for (; j < rows; j++) {
    const key = (start + j) * 3 * d + d + column;
    let s = 0;
    for (let c = 0; c < width; c++) s += qkv[query + c] * qkv[key + c];
    p[j] = s / root;
  }
}

/** Masked softmax in place; all zeros if every row is masked. */
function normalise(p: Float64Array, rows: number, mask: Floats | undefined, start: number): void {
  let max = Number.NEGATIVE_INFINITY;
  let live = 0;
  for (let j = 0; j < rows; j++) {
    if (mask && mask[start + j] === 0) continue;
    live++;
    if (p[j] > max) max = p[j];
  }
  let sum = 0;
  for (let j = 0; j < rows; j++) {
    const m = mask ? mask[start + j] : 1;
    p[j] = m === 0 ? 0 : m * Math.exp(p[j] - max);
    sum += p[j];
  }
  if (live > 0) for (let j = 0; j < rows; j++) if (mask?.[start + j] !== 0) p[j] /= sum;
}

/** out_i = Σ_j p[j] · v_j over the head's columns. */
function average(
  out: Floats,
  p: Float64Array,
  qkv: Floats,
  start: number,
  rows: number,
  i: number,
  d: number,
  column: number,
  width: number,
): void {
  const values = start * 3 * d + 2 * d + column;
  const to = i * d + column;
  let c = 0;
  for (; c + 3 < width; c += 4) {
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let j = 0, v = values + c; j < rows; j++, v += 3 * d) {
      const weight = p[j];
      if (weight === 0) continue;
      s0 += weight * qkv[v];
      s1 += weight * qkv[v + 1];
      s2 += weight * qkv[v + 2];
      s3 += weight * qkv[v + 3];
    }
    out[to + c] = s0;
    out[to + c + 1] = s1;
    out[to + c + 2] = s2;
    out[to + c + 3] = s3;
  }
  for (; c < width; c++) {
    let s = 0;
    for (let j = 0, v = values + c; j < rows; j++, v += 3 * d) if (p[j] !== 0) s += p[j] * qkv[v];
    out[to + c] = s;
  }
}
