/**
 * How far a float32 form may stand from the float64 reference: one file for all kernels, so that no test chooses its own.
 *
 * One rule gives every bound. An output is a sum of k terms; let S be the same sum with every term made positive. Rounding errors
 * of a float32 sum in any order behave like a random walk, so its error is about √k·ε·S with ε = 2⁻²⁴; we allow c = 4 times that
 * (the worst case is k·ε·S). What goes into a sum brings its own relative error along: scores into exp, exp into a mean.
 * Functions (exp, tanh, GELU) are good to FUNCTION = 8ε ≈ 4.8e-7, relative for exp, relative to max(1, |x|) for the others.
 * Source of the sum bounds: Higham, Accuracy and Stability of Numerical Algorithms, chapters 3 and 4.
 *
 * A bound is a function of the operands' values (packed weights as plain [k, m], buffers to be added to as they were before).
 * This file computes no result and runs no kernel.
 */
import type { TrainingKernelName, TrainingOps } from "./index.ts";
import { leastMask } from "./threshold-mask/contract.ts";

export type Values = ArrayLike<number>;
/** For each output operand: the largest allowed |found − expected| at a flat index. */
export type Bounds = Readonly<Record<string, (index: number) => number>>;

const EPSILON = 2 ** -24;
const FUNCTION = 8 * EPSILON;
/** Where float32 numbers lose digits, and where forms flush them to zero. */
const TINY = 2 ** -125;
/** max |GELU′|, by which GELU stretches the error of what it is given. */
const GELU_SLOPE = 1.13;

/** Allowed relative error of a float32 sum of `terms` products. */
function sums(terms: number): number {
  return 4 * Math.sqrt(terms + 2) * EPSILON;
}

function total(count: number, term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term(i);
  return sum;
}

const exact = (): number => 0;
const at = (values: Values | undefined, i: number): number => (values ? Math.abs(values[i]) : 0);

export const tolerances: {
  readonly [K in TrainingKernelName]: (args: TrainingOps<Values>[K]) => Bounds;
} = {
  matmul: ({ a, weights, bias, residual, activation, k, m }) => ({
    out: (o) => {
      const [i, j] = [Math.floor(o / m), o % m];
      const size = at(bias, j) + total(k, (p) => Math.abs(a[i * k + p] * weights[p * m + j]));
      const slope = activation === "gelu" ? GELU_SLOPE : 1;
      return slope * sums(k) * (size + at(residual, o)) + (activation ? FUNCTION * Math.max(1, size) : 0);
    },
  }),
  // The integers and their sum are exact; what is rounded is |sum · scales| and |mid · shift|, both below 3 max|a| · Σ|ŵ|.
  matmulInt8: ({ a, weights, bias, residual, activation, k, m }) => ({
    out: (o) => {
      const [i, j] = [Math.floor(o / m), o % m];
      let step = 0;
      for (let p = 0; p < k; p++) step = Math.max(step, at(weights, p * m + j) / 63);
      const size = at(bias, j) + 3 * magnitude(a, i * k, k) * total(k, (p) => at(weights, p * m + j) + step);
      const slope = activation === "gelu" ? GELU_SLOPE : 1;
      return slope * sums(1) * (size + at(residual, o)) + (activation ? FUNCTION * Math.max(1, size) : 0) + TINY;
    },
  }),
  matmulInputGradient: ({ dInput, dOut, weights, k, m }) => ({
    dInput: (o) => {
      const [i, p] = [Math.floor(o / k), o % k];
      return sums(m) * (at(dInput, o) + total(m, (j) => Math.abs(dOut[i * m + j] * weights[j * k + p])));
    },
  }),
  matmulWeightGradient: ({ dWeights, dBias, dOut, a, n, k, m }) => ({
    dWeights: (o) => {
      const [j, p] = [Math.floor(o / k), o % k];
      return sums(n) * (at(dWeights, o) + total(n, (i) => Math.abs(dOut[i * m + j] * a[i * k + p])));
    },
    dBias: (j) => sums(n) * (at(dBias, j) + total(n, (i) => at(dOut, i * m + j))),
  }),
  attention: attentionBounds,
  attentionGradient: attentionGradientBounds,
  softmax: ({ x, m }) => ({
    out: (o) => {
      const start = o - (o % m);
      const max = largest(x, start, m);
      const sum = total(m, (j) => Math.exp(x[start + j] - max));
      // Rounding x − max moves the exponential by ε·|x − max|; beyond 104 it is 0 anyway.
      const moved = EPSILON * (Math.min(max - x[o], 104) + Math.log(m) + 1);
      return (Math.exp(x[o] - max) / sum) * (2 * FUNCTION + 2 * moved + sums(m)) + TINY;
    },
  }),
  softmaxGradient: ({ dx, out, dOut, m }) => ({
    dx: (o) => {
      const start = o - (o % m);
      const mean = total(m, (j) => Math.abs(out[start + j] * dOut[start + j]));
      return sums(m) * (at(dx, o) + at(out, o) * (at(dOut, o) + mean));
    },
  }),
  layerNorm: ({ x, gamma, beta, eps, d }) => ({
    out: (o) => {
      const row = rowStatistics(x, o - (o % d), d, eps);
      return (
        at(gamma, o % d) * (row.error + Math.abs(row.normal(o % d)) * row.deviationError) + sums(1) * at(beta, o % d)
      );
    },
  }),
  layerNormGradient: ({ dx, dGamma, dBeta, x, gamma, dOut, eps, n, d }) => ({
    dx: (o) => {
      const [start, c] = [o - (o % d), o % d];
      const row = rowStatistics(x, start, d, eps);
      const g = (j: number): number => Math.abs(dOut[start + j] * gamma[j]);
      const [mean, product] = [total(d, g) / d, total(d, (j) => g(j) * Math.abs(row.normal(j))) / d];
      const size = g(c) + mean + Math.abs(row.normal(c)) * product;
      const moved = row.error * (product + Math.abs(row.normal(c)) * mean);
      return (size * (sums(d) + row.deviationError) + moved) / row.deviation + 2 * EPSILON * at(dx, o);
    },
    dGamma: (c) =>
      sums(n) * at(dGamma, c) +
      total(n, (i) => {
        const row = rowStatistics(x, i * d, d, eps);
        const normal = Math.abs(row.normal(c));
        return at(dOut, i * d + c) * (row.error + normal * (row.deviationError + sums(n)));
      }),
    dBeta: (c) => sums(n) * (at(dBeta, c) + total(n, (i) => at(dOut, i * d + c))),
  }),
  gelu: ({ x }) => ({ out: (o) => FUNCTION * Math.max(1, at(x, o)) }),
  geluGradient: ({ dx, x, dOut }) => ({
    // Φ and φ, each a product of an exponential and more
    dx: (o) => 4 * FUNCTION * at(dOut, o) * Math.max(1, at(x, o)) + 2 * EPSILON * at(dx, o),
  }),
  tanh: () => ({ out: () => FUNCTION }),
  tanhGradient: ({ dx, out, dOut }) => ({ dx: (o) => sums(2) * (at(dx, o) + at(dOut, o) * (1 + out[o] ** 2)) }),
  embed: ({ word, position, segment, ids, positions, segments, d }) => ({
    out: (o) => {
      const [i, c] = [Math.floor(o / d), o % d];
      return (
        sums(3) * (at(word, ids[i] * d + c) + at(position, positions[i] * d + c) + at(segment, segments[i] * d + c))
      );
    },
  }),
  gather: () => ({ out: exact }),
  gatherGradient: ({ dTable, dOut, index, n, d }) => ({
    dTable: (o) => {
      const [row, c] = [Math.floor(o / d), o % d];
      return sums(n) * (at(dTable, o) + total(n, (i) => (index[i] === row ? at(dOut, i * d + c) : 0)));
    },
  }),
  scatter: () => ({ out: exact }),
  add: ({ a, b }) => ({ out: (o) => 2 * EPSILON * (at(a, o) + at(b, o)) }),
  accumulate: ({ out, x, scale }) => ({ out: (o) => sums(2) * (at(out, o) + Math.abs(scale * x[o])) }),
  blend: ({ mask, a, b, d }) => ({
    out: (o) => {
      const m = mask[Math.floor(o / d)];
      // An exact choice is a copy, whatever stands on the other side.
      return m === 0 || m === 1 ? 0 : sums(2) * (Math.abs(m * a[o]) + Math.abs((1 - m) * b[o]));
    },
  }),
  blendGradient: ({ dA, dB, dMask, mask, a, b, dOut, d }) => ({
    dA: (o) => sums(2) * (at(dA, o) + Math.abs(mask[Math.floor(o / d)] * dOut[o])),
    dB: (o) => sums(2) * (at(dB, o) + Math.abs((1 - mask[Math.floor(o / d)]) * dOut[o])),
    dMask: (i) =>
      sums(d) * (at(dMask, i) + total(d, (j) => (at(a, i * d + j) + at(b, i * d + j)) * at(dOut, i * d + j))),
  }),
  keepMask: () => ({ out: exact }),
  keepMaskGradient: ({ dLogits, dPrevious, logits, noise, previous, dOut, threshold, temperature }) => ({
    dLogits: (o) => {
      const i = o >> 1;
      const size = at(logits, 2 * i) + at(logits, 2 * i + 1) + at(noise, i) + Math.abs(threshold);
      const slope = Math.abs(dOut[i] * previous[i]) / temperature;
      return slope * (FUNCTION + (sums(4) * size) / temperature) + 2 * EPSILON * at(dLogits, o);
    },
    dPrevious: (i) => sums(1) * (at(dPrevious, i) + at(dOut, i)),
  }),
  thresholdMask: ({ importance, threshold, previous, temperature }) => ({
    // Above the gate's own error, rounding z moves it by at most a quarter of z's error over the temperature.
    out: (i) => {
      const moved = temperature === 0 ? 0 : (sums(2) * (at(importance, i) + at(threshold, 0))) / temperature;
      return at(previous, i) * (FUNCTION + moved) + leastMask;
    },
  }),
  thresholdMaskGradient: ({
    dImportance,
    dThreshold,
    dPrevious,
    importance,
    threshold,
    previous,
    dOut,
    temperature,
    n,
  }) => {
    const moved = (i: number): number =>
      temperature === 0 ? 0 : (sums(2) * (at(importance, i) + at(threshold, 0))) / temperature;
    const each = (i: number): number =>
      temperature === 0
        ? 0
        : (Math.abs(dOut[i] * previous[i]) / temperature) * (FUNCTION + sums(2) + moved(i)) + leastMask;
    return {
      dImportance: (i) => each(i) + 2 * EPSILON * at(dImportance, i),
      dThreshold: () =>
        total(n, (i) => each(i) + (temperature === 0 ? 0 : (sums(n) * Math.abs(dOut[i] * previous[i])) / temperature)) +
        2 * EPSILON * at(dThreshold, 0),
      dPrevious: (i) => at(dOut, i) * (FUNCTION + moved(i)) + sums(1) * (at(dPrevious, i) + at(dOut, i)),
    };
  },
  crossEntropy: ({ logits, c }) => ({ loss: (i) => sums(c) + FUNCTION + sums(2) * magnitude(logits, i * c, c) }),
  crossEntropyGradient: ({ dLogits, logits, dLoss, c }) => ({
    dLogits: (o) => at(dLoss, Math.floor(o / c)) * powerError(logits, o - (o % c), c) + sums(1) * at(dLogits, o),
  }),
  // Of the logits over the temperature T, whose magnitude counts T times less; the loss is T², its gradient T times as large.
  distillation: ({ logits, targets, temperature, c }) => ({
    loss: (i) =>
      temperature ** 2 *
      total(c, (j) => targets[i * c + j] * (Math.abs(Math.log(targets[i * c + j] || 1)) + 1)) *
      (sums(c) + FUNCTION + sums(c) * (1 + magnitude(logits, i * c, c) / temperature)),
  }),
  distillationGradient: ({ dLogits, logits, dLoss, temperature, c }) => ({
    dLogits: (o) =>
      temperature * at(dLoss, Math.floor(o / c)) * powerError(logits, o - (o % c), c) + sums(1) * at(dLogits, o),
  }),
  dropout: ({ x, probability }) => ({ out: (o) => (sums(1) * at(x, o)) / (1 - probability) }),
  dropoutGradient: ({ dx, dOut, probability }) => ({
    dx: (o) => sums(2) * (at(dx, o) + at(dOut, o) / (1 - probability)),
  }),
};

function largest(values: Values, start: number, count: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + count; i++) max = Math.max(max, values[i]);
  return max;
}

function magnitude(values: Values, start: number, count: number): number {
  let max = 0;
  for (let i = start; i < start + count; i++) max = Math.max(max, Math.abs(values[i]));
  return max;
}

/** Absolute error of one probability of a softmax. */
function powerError(logits: Values, start: number, c: number): number {
  return 2 * FUNCTION + sums(c) + sums(2) * magnitude(logits, start, c);
}

/**
 * Mean and deviation of a row, and how far float32 may miss: the mean by sums(d)·mean|x|, which over the deviation is the error
 * of a normalised value (huge for an almost constant row: that is the row's condition, not the form's fault).
 */
function rowStatistics(x: Values, start: number, d: number, eps: number) {
  const mean = total(d, (j) => x[start + j]) / d;
  const deviation = Math.sqrt(total(d, (j) => (x[start + j] - mean) ** 2) / d + eps);
  const error = (sums(d) * magnitude(x, start, d)) / deviation;
  return {
    deviation,
    error,
    deviationError: error + sums(d),
    normal: (j: number) => (x[start + j] - mean) / deviation,
  };
}

type AttentionInputs = Pick<TrainingOps<Values>["attention"], "qkv" | "starts" | "mask" | "d" | "h" | "texts">;

interface Query {
  /** Its row, its text's first row, its head's first column. */
  readonly i: number;
  readonly start: number;
  readonly column: number;
  readonly rows: number;
  /** Σ mask over the text, and the mask of row start + j. */
  readonly queries: number;
  readonly mask: (j: number) => number;
  /** share_ij = exp(s_ij − max)/Z; p_ij = mask_j · share_ij. */
  readonly share: Float64Array;
  readonly p: Float64Array;
  /** Relative error of p: scores miss by sums(d/h)·Σ|q||k|/√(d/h), a softmax doubles that. */
  readonly error: number;
}

function eachQuery({ qkv, starts, mask: masks, d, h, texts }: AttentionInputs, visit: (query: Query) => void): void {
  const width = d / h;
  for (let t = 0; t < texts; t++) {
    const start = starts[t];
    const rows = starts[t + 1] - start;
    const mask = (j: number): number => (masks ? masks[start + j] : 1);
    const queries = total(rows, mask);
    for (let column = 0; queries > 0 && column < d; column += width) {
      for (let i = start; i < start + rows; i++) {
        const [scores, missed] = [new Float64Array(rows), new Float64Array(rows)];
        for (let j = 0; j < rows; j++) {
          const term = (c: number): number => qkv[i * 3 * d + column + c] * qkv[(start + j) * 3 * d + d + column + c];
          scores[j] = total(width, term) / Math.sqrt(width);
          missed[j] = (sums(width) * total(width, (c) => Math.abs(term(c)))) / Math.sqrt(width);
        }
        let [max, miss] = [Number.NEGATIVE_INFINITY, 0];
        for (let j = 0; j < rows; j++)
          if (mask(j) !== 0) [max, miss] = [Math.max(max, scores[j]), Math.max(miss, missed[j])];
        const share = scores.map((score) => Math.exp(score - max));
        const sum = total(rows, (j) => (mask(j) === 0 ? 0 : mask(j) * share[j]));
        for (let j = 0; j < rows; j++) share[j] /= sum;
        const p = share.map((value, j) => (mask(j) === 0 ? 0 : mask(j) * value));
        visit({
          i,
          start,
          column,
          rows,
          queries,
          mask,
          share,
          p,
          error: Math.expm1(4 * miss + 2 * FUNCTION) + sums(rows),
        });
      }
    }
  }
}

function attentionBounds(args: TrainingOps<Values>["attention"]): Bounds {
  const { qkv, n, d, h } = args;
  const [out, importance] = [new Float64Array(n * d), new Float64Array(n)];
  eachQuery(args, ({ i, start, column, rows, queries, mask, p, error }) => {
    for (let c = column; c < column + d / h; c++) {
      const size = total(rows, (j) => (p[j] === 0 ? 0 : p[j] * at(qkv, (start + j) * 3 * d + 2 * d + c)));
      out[i * d + c] = size * (error + sums(rows)) + TINY;
    }
    const weight = mask(i - start) / (h * queries);
    for (let j = 0; weight !== 0 && j < rows; j++)
      importance[start + j] += weight * p[j] * (error + sums(rows * h)) + TINY;
  });
  return { out: (o) => out[o], importance: (i) => importance[i] };
}

function attentionGradientBounds(args: TrainingOps<Values>["attentionGradient"]): Bounds {
  const { qkv, dQkv, dMask, dOut, dImportance, n, d, h } = args;
  const width = d / h;
  const dQkvBound = Float64Array.from({ length: n * 3 * d }, (_, o) => sums(n * h) * at(dQkv, o));
  const dMaskBound = Float64Array.from({ length: n }, (_, i) => sums(n * h) * at(dMask, i));
  eachQuery(args, ({ i, start, column, rows, queries, mask, share, p, error: soft }) => {
    const error = 2 * soft + sums(width) + sums(rows) + sums(n);
    const weight = mask(i - start) / (h * queries);
    const slope = (j: number): number =>
      weight * at(dImportance, start + j) +
      total(width, (c) => Math.abs(dOut[i * d + column + c] * qkv[(start + j) * 3 * d + 2 * d + column + c]));
    const slopes = Float64Array.from({ length: rows }, (_, j) => slope(j));
    const mean = total(rows, (j) => (p[j] === 0 ? 0 : p[j] * slopes[j]));
    for (let j = 0; j < rows; j++) {
      const key = (start + j) * 3 * d + d + column;
      dMaskBound[start + j] += share[j] * (slopes[j] + mean) * error;
      dMaskBound[i] += ((at(dImportance, start + j) * (p[j] + 1)) / (h * queries)) * error;
      if (p[j] === 0) continue;
      const dScore = (p[j] * (slopes[j] + mean)) / Math.sqrt(width);
      for (let c = 0; c < width; c++) {
        dQkvBound[i * 3 * d + column + c] += dScore * at(qkv, key + c) * error;
        dQkvBound[key + c] += dScore * at(qkv, i * 3 * d + column + c) * error;
        dQkvBound[key + d + c] += p[j] * at(dOut, i * d + column + c) * error;
      }
    }
  });
  return { dQkv: (o) => dQkvBound[o] + TINY, dMask: (i) => dMaskBound[i] + TINY };
}
