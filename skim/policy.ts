/**
 * Who leaves: pure functions from scores to margins. A row stays exactly when its margin is above 0, so a margin near 0 is a
 * decision that rounding may flip. [CLS], the first row of a text, always stays: its margin is +∞.
 */

/** How one model may skim, per call. */
export interface SkimDials {
  /** Transkimmer: keep ⇔ logit₁ − logit₀ > keepThreshold. Higher keeps less; −Infinity: the predictors do not run. */
  readonly keepThreshold?: number | undefined;
  /** Magic Pyramid: keep ⇔ importance > attentionThreshold · θ_l, θ learned. Higher keeps less; 0: no row is pruned. */
  readonly attentionThreshold?: number | undefined;
}

/** Margins of rows from predictor logits [n, 2], in their place. */
export function predictorMargins(keepLogits: Float32Array, starts: Int32Array, keepThreshold: number): Float32Array {
  const margins = keepLogits.subarray(0, keepLogits.length / 2);
  for (let i = 0; i < margins.length; i++) margins[i] = keepLogits[2 * i + 1] - keepLogits[2 * i] - keepThreshold;
  return protectCls(margins, starts);
}

/** Margins of rows from the attention that they received, in its place; `threshold` is the layer's, already scaled. */
export function importanceMargins(importance: Float32Array, starts: Int32Array, threshold: number): Float32Array {
  for (let i = 0; i < importance.length; i++) importance[i] -= threshold;
  return protectCls(importance, starts);
}

function protectCls(margins: Float32Array, starts: Int32Array): Float32Array {
  for (let t = 0; t + 1 < starts.length; t++) {
    if (starts[t] < starts[t + 1]) margins[starts[t]] = Number.POSITIVE_INFINITY;
  }
  return margins;
}

/** Writes to `keep` 1 for each row that stays, 0 for one that leaves. NaN margins stay: a broken score must not lose data. Returns how many leave. */
export function keepOf(margins: Float32Array, keep: Uint8Array): number {
  let leaving = 0;
  for (let i = 0; i < margins.length; i++) {
    keep[i] = margins[i] <= 0 ? 0 : 1;
    leaving += 1 - keep[i];
  }
  return leaving;
}
