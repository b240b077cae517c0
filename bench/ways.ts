/**
 * Several ways of running one model over the same texts: what each answers and executes (counted in a pass of its own), and how long it
 * takes (timed interleaved, on a model that nothing counts). It loads nothing and judges nothing.
 */
import type { ForwardOptions, Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../bert/trace.ts";
import { argmax, probabilities } from "../exit/criteria.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import { paddedLengths } from "./executed.ts";
import { type Roof, underRoof } from "./roofline.ts";
import { type Figures, figuresOf } from "./single-stream.ts";
import { type StreamOptions, stream, type Way } from "./stream.ts";

/** One way of running text number t. */
export interface RunWay {
  readonly options: (t: number) => ForwardOptions;
  /** Lengthen each text to the longest of its batch of 32: the time of a padded batch's rows. Its answers are those of no padding. */
  readonly padded?: boolean;
}

export interface Answer {
  /** The id of the most probable label. */
  readonly label: number;
  /** Its probability. */
  readonly confidence: number;
}

export interface Observed {
  /** One per text; absent for a model that does not classify sequences, and for padded texts. */
  readonly answers?: readonly Answer[];
  /** One per text; absent for padded texts. */
  readonly traces?: readonly Trace[];
  /** One per text, where a roof was given. */
  readonly roofMs?: readonly number[];
}

/** Loads the model that is measured, on its backend as it is or wrapped. Whoever calls it disposes of the model. */
export type OpenModel = (wrap?: (backend: InferenceBackend) => InferenceBackend) => Promise<Model>;

/** Runs every text once each way, one at a time. */
export async function observe<Name extends string>(
  open: OpenModel,
  texts: readonly TokenIds[],
  ways: Readonly<Record<Name, RunWay>>,
  roof?: Roof,
  progress: (line: string) => void = () => undefined,
): Promise<Readonly<Record<Name, Observed>>> {
  let take: (() => number) | undefined;
  const model = await open((backend) => {
    if (roof === undefined) return backend;
    const wrapped = underRoof(backend, roof);
    take = wrapped.take;
    return wrapped.backend;
  });
  try {
    const classifies = model.config.task === "sequence-classification";
    const lengths = lengthsPadded(texts);
    const found: Record<string, Observed> = {};
    for (const [name, { options, padded = false }] of Object.entries<RunWay>(ways)) {
      const answers: Answer[] = [];
      const traces: Trace[] = [];
      const roofMs: number[] = [];
      for (const [t, text] of texts.entries()) {
        if (padded && take === undefined) break;
        const tokens = padded ? lengthened(text, lengths[t]) : text;
        take?.();
        const { logits, trace } = await model.forwardEncodings([tokens], options(t));
        if (take) roofMs.push(take());
        traces.push(trace[0]);
        if (classifies) answers.push(answerOf(logits[0]));
        progress(`answers of ${name}: ${t + 1} of ${texts.length} texts`);
      }
      found[name] = {
        ...(!padded && { traces, ...(classifies && { answers }) }),
        ...(take && { roofMs }),
      };
    }
    return found as Record<Name, Observed>;
  } finally {
    await model.dispose();
  }
}

function answerOf(logits: Float32Array): Answer {
  const scores = probabilities(logits);
  const label = argmax(scores);
  return { label, confidence: scores[label] };
}

/** Times the ways, interleaved. `encode` tokenises text t anew for every query; without it a query begins at the ids. */
export async function timeWays<Name extends string>(
  model: Model,
  texts: readonly TokenIds[],
  ways: Readonly<Record<Name, RunWay>>,
  base: NoInfer<Name>,
  options: StreamOptions & { readonly encode?: ((t: number) => TokenIds) | undefined } = {},
): Promise<{ readonly figures: Figures<Name>; readonly texts: number }> {
  const { encode = (t: number) => texts[t], ...rest } = options;
  const lengths = lengthsPadded(texts);
  const runnable = Object.entries<RunWay>(ways).map(
    ([name, { options: optionsOf, padded }]): [string, Way<TokenIds>] => [
      name,
      {
        prepare: (t) => (padded ? lengthened(encode(t), lengths[t]) : encode(t)),
        run: (tokens, t) => model.forwardEncodings([tokens], optionsOf(t)),
      },
    ],
  );
  const timed = await stream(texts.length, Object.fromEntries(runnable) as Record<Name, Way<TokenIds>>, rest);
  return { figures: figuresOf(timed, base), texts: timed.texts };
}

function lengthsPadded(texts: readonly TokenIds[]): number[] {
  return paddedLengths(texts.map(({ ids }) => ({ length: ids.length })));
}

/** With rows of token 0, as padding adds them: here they are attended to, which costs what masking them does. */
function lengthened({ ids, segments }: TokenIds, length: number): TokenIds {
  const padding = new Array<number>(length - ids.length).fill(0);
  return { ids: [...ids, ...padding], segments: [...segments, ...padding] };
}
