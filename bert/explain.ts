/** A classification with what became of the text on the way: data, and the drawing that `taperbert tour` shows. */
import { refuseUnknown } from "../engine/errors.ts";
import { normalisedEntropy } from "../exit/criteria.ts";
import type { CallOptions, Model, Text } from "./model.ts";
import { drawPyramid, type PyramidWord, pyramidOf } from "./pyramid.ts";

/** A word of an explained text: where it is, and how long it stayed. */
export interface ExplainedWord extends Pick<PyramidWord, "part" | "start" | "end" | "text"> {
  /** The number of layers that attended to it; it left after the last of them. */
  readonly layers: number;
  /** Whether it was there when the text was answered. */
  readonly stayed: boolean;
}

/** A classification with everything that happened on the way, as data and as a drawing. */
export interface Explanation {
  /** The most probable label, and its probability. */
  readonly label: string;
  readonly score: number;
  /** Whether the text was longer than the model can read, and lost its end. */
  readonly truncated: boolean;
  /** In the order of the text, or of both texts. */
  readonly words: readonly ExplainedWord[];
  /** Rows that each layer attended to, special tokens included; no layer after the exit is here. */
  readonly rowsPerLayer: readonly number[];
  /** The layer that answered, counted from 1, of how many there are. */
  readonly exitLayer: number;
  readonly layers: number;
  /** Normalised entropy of the answer, 0 (sure) … 1. */
  readonly entropy: number;
  /** Multiply–accumulates executed, predictors and exit heads included, and those of the dense model. */
  readonly macs: number;
  readonly denseMacs: number;
  /** From the text to the answer. */
  readonly ms: number;
  /** A line a layer: words that are still alive, dots where words have left. */
  readonly drawing: string;
}

export async function explain(model: Model, text: Text, options: CallOptions): Promise<Explanation> {
  refuseUnknown(options, ["skim", "exit", "signal"], "explain()");
  const startedAt = performance.now();
  const encoding = model.encode(text);
  const [{ label, score, scores, truncated, trace }] = await model.classifyEncodings([encoding], options);
  const ms = performance.now() - startedAt;
  const pyramid = pyramidOf(text, encoding, trace);
  const { exitLayer, macs, denseMacs } = trace;
  const words = pyramid.words.map(({ part, start, end, text, layers }) => {
    return { part, start, end, text, layers, stayed: layers >= exitLayer };
  });
  return {
    label,
    score,
    truncated,
    words,
    rowsPerLayer: pyramid.rows,
    exitLayer,
    layers: pyramid.layers,
    // Labels that do not exclude each other are no distribution; the certainty of the logits' is what there is.
    entropy: normalisedEntropy(scores.map(model.config.multiLabel ? logit : Math.log)),
    macs,
    denseMacs,
    ms,
    drawing: drawPyramid(pyramid).join("\n"),
  };
}

const logit = (p: number): number => Math.log(p / (1 - p));
