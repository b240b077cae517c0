/**
 * Weights as ONNX Runtime's dynamic quantisation has them: int8 with a scale per output column, zero point 0. All eight bits are used, as
 * `quantize_dynamic` does by default; processors without VNNI then saturate in 16 bits (its documentation, "reduce_range").
 * Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
 */

export interface QuantisedColumns {
  /** Row-major [k, m]. */
  readonly values: Int8Array;
  /** [m]: a value times its column's scale is the weight. */
  readonly scales: Float32Array;
}

/** Weights [k, m] row-major. A column of zeros has the scale 1. */
export function quantiseColumns(weights: Float32Array, k: number, m: number): QuantisedColumns {
  const scales = new Float32Array(m);
  for (let i = 0; i < k * m; i++) scales[i % m] = Math.max(scales[i % m], Math.abs(weights[i]));
  for (let j = 0; j < m; j++) scales[j] = scales[j] === 0 ? 1 : scales[j] / 127;
  const values = new Int8Array(k * m);
  for (let i = 0; i < k * m; i++) values[i] = Math.round(weights[i] / scales[i % m]);
  return { values, scales };
}
