/**
 * Ragged attention by plain loops: one query at a time, four keys or four columns abreast; the sums are float64.
 * Only live rows are ever read as keys and values: a row masked with 0 is not there, so its numbers (NaN too) reach nobody.
 */
import type { ScalarHandle } from "../scalar-handle.ts";
import type { AttentionArgs } from "./contract.ts";

type Floats = Float32Array | Int32Array;

/** What the inner loops share: the live rows of one text, and the columns of one head. */
interface Head {
  readonly qkv: Floats;
  /** Where each live row begins in qkv. */
  readonly rows: Int32Array;
  /** The mask of each live row. */
  readonly weights: Float64Array;
  readonly live: number;
  readonly column: number;
  readonly width: number;
  readonly d: number;
}

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
  const weights = new Float64Array(longest);
  const rows = new Int32Array(longest);

  for (let t = 0; t < texts; t++) {
    let live = 0;
    let queries = 0;
    for (let i = starts[t]; i < starts[t + 1]; i++) {
      const weight = mask ? mask[i] : 1;
      if (weight === 0) continue;
      rows[live] = i * 3 * d;
      weights[live++] = weight;
      queries += weight;
    }
    received.fill(0, 0, live);
    for (let column = 0; column < d; column += width) {
      const head: Head = { qkv, rows, weights, live, column, width, d };
      for (let i = starts[t]; i < starts[t + 1]; i++) {
        scores(p, i * 3 * d + column, head);
        softmax(p, head);
        average(out, i * d + column, p, head);
        const weight = mask ? mask[i] : 1;
        if (importance && weight !== 0) for (let j = 0; j < live; j++) received[j] += weight * p[j];
      }
    }
    if (!importance) continue;
    importance.fill(0, starts[t], starts[t + 1]);
    for (let j = 0; j < live; j++) importance[rows[j] / (3 * d)] = received[j] / (h * queries);
  }
}

/** p[j] = q · k_j / √width, the query beginning at `query`. */
function scores(p: Float64Array, query: number, { qkv, rows, live, column, width, d }: Head): void {
  const root = Math.sqrt(width);
  const keys = d + column;
  let j = 0;
  for (; j + 3 < live; j += 4) {
    const k0 = rows[j] + keys;
    const k1 = rows[j + 1] + keys;
    const k2 = rows[j + 2] + keys;
    const k3 = rows[j + 3] + keys;
    // One `let` each: V8 keeps these in registers, but not what it takes out of an array literal.
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
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
  for (; j < live; j++) {
    let s = 0;
    for (let c = 0; c < width; c++) s += qkv[query + c] * qkv[rows[j] + keys + c];
    p[j] = s / root;
  }
}

/** p[j] = m_j·exp(p[j]) / Σ m·exp(p), in place. */
function softmax(p: Float64Array, { weights, live }: Head): void {
  let max = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < live; j++) if (p[j] > max) max = p[j];
  let sum = 0;
  for (let j = 0; j < live; j++) {
    p[j] = weights[j] * Math.exp(p[j] - max);
    sum += p[j];
  }
  for (let j = 0; j < live; j++) p[j] /= sum;
}

/** out = Σ_j p[j] · v_j over the head's columns; zeros if no row is there. */
function average(out: Floats, to: number, p: Float64Array, { qkv, rows, live, column, width, d }: Head): void {
  const values = 2 * d + column;
  let c = 0;
  for (; c + 3 < width; c += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j < live; j++) {
      const share = p[j];
      const v = rows[j] + values + c;
      s0 += share * qkv[v];
      s1 += share * qkv[v + 1];
      s2 += share * qkv[v + 2];
      s3 += share * qkv[v + 3];
    }
    out[to + c] = s0;
    out[to + c + 1] = s1;
    out[to + c + 2] = s2;
    out[to + c + 3] = s3;
  }
  for (; c < width; c++) {
    let s = 0;
    for (let j = 0; j < live; j++) s += p[j] * qkv[rows[j] + values + c];
    out[to + c] = s;
  }
}
