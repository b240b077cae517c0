/**
 * When a text is sure: pure functions of its exit logits so far and of the clock. Several criteria at once: any one suffices.
 * Sources: normalised entropy, FastBERT https://arxiv.org/abs/2004.02178 and Magic Pyramid https://arxiv.org/abs/2111.00230;
 * confidence (largest probability), Shallow-Deep Networks https://arxiv.org/abs/1810.07052; patience, PABEE https://arxiv.org/abs/2006.04152
 */

/** When texts may exit early, per call. */
export interface ExitDials {
  /** Exit when the normalised entropy of the answer is at most this, in 0 … 1. Larger is faster. */
  readonly entropy?: number | undefined;
  /** Exit when the largest probability is at least this, in 0 … 1. Smaller is faster. */
  readonly confidence?: number | undefined;
  /** Exit after this many equal answers in a row (1: at the first head; Infinity: never): a whole number. Smaller is faster. */
  readonly patience?: number | undefined;
  /** Exit at the first head reached after so many milliseconds of the forward. */
  readonly deadlineMs?: number | undefined;
}

/** Softmax of a few logits. */
export function probabilities(logits: ArrayLike<number>): number[] {
  const top = largest(logits);
  const p: number[] = [];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    p.push(Math.exp(logits[i] - top));
    sum += p[i];
  }
  for (let i = 0; i < p.length; i++) p[i] /= sum;
  return p;
}

/** A loop and not Math.max(...values): a model may have more labels than a call can have arguments. */
function largest(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]);
  return most;
}

/**
 * u = −Σ p·log p / log c with p = softmax(logits), in 0 … 1; 0 for a single class, NaN if a logit is. Worked out as log Σe − Σe·z / Σe of
 * e = exp z with the largest z at 0: one logarithm, and no exponential of 0. Every text asks at every head, and after 256-bit kernels each
 * such call takes ten times as long, as the engine leaves the registers' upper halves in use.
 */
export function normalisedEntropy(logits: ArrayLike<number>): number {
  if (logits.length < 2) return 0;
  const top = largest(logits);
  let sum = 0;
  let weighted = 0;
  for (let i = 0; i < logits.length; i++) {
    const z = logits[i] - top;
    const e = z === 0 ? 1 : Math.exp(z);
    sum += e;
    if (e !== 0) weighted += e * z;
  }
  // Rounding may take nearly equal probabilities a little beyond 1.
  return Math.min(1, (Math.log(sum) - weighted / sum) / Math.log(logits.length));
}

/** The index of the largest value; the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/**
 * How far beyond sure a text is: it exits exactly when this is ≥ 0.
 * `answers` holds its logits at each head so far, the newest last; `elapsedMs` counts from the start of the forward. An answer of NaN
 * is never sure by its numbers.
 */
export function exitMargin(dials: ExitDials, answers: readonly Float32Array[], elapsedMs: number): number {
  const logits = answers[answers.length - 1];
  const { entropy, confidence, patience, deadlineMs } = dials;
  let margin = Number.NEGATIVE_INFINITY;
  if (entropy !== undefined) margin = larger(margin, entropy - normalisedEntropy(logits));
  if (confidence !== undefined) margin = larger(margin, largest(probabilities(logits)) - confidence);
  if (patience !== undefined && !logits.includes(Number.NaN)) margin = larger(margin, streak(answers) - patience);
  if (deadlineMs !== undefined) margin = larger(margin, elapsedMs - deadlineMs);
  return margin;
}

/** The larger of two; a second that is no number is not looked at. */
const larger = (a: number, b: number): number => (Number.isNaN(b) ? a : Math.max(a, b));

/** Whether a head needs to be asked at all: not while a deadline that is still ahead is the only criterion. */
export function wantsAnswer({ entropy, confidence, patience, deadlineMs }: ExitDials, elapsedMs: number): boolean {
  const others = entropy ?? confidence ?? patience;
  return others !== undefined || deadlineMs === undefined || elapsedMs >= deadlineMs;
}

/** How many heads, counted from the newest, gave the newest answer. */
function streak(answers: readonly Float32Array[]): number {
  const newest = argmax(answers[answers.length - 1]);
  let length = 0;
  while (length < answers.length && argmax(answers[answers.length - 1 - length]) === newest) length++;
  return length;
}
