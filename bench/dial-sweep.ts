/**
 * One model at very many dials for the price of a few forwards: what is skimmed does not depend on exits, so for each way of skimming every
 * exit head is asked once, and each exit criterion is then a look at the stored logits. Answers and MACs are those of a real forward with
 * the same dials (a test holds them equal). It times nothing and chooses nothing.
 */
import type { BertConfig } from "../bert/config.ts";
import type { Abilities, Dials } from "../bert/dials.ts";
import { passageMacs } from "../bert/macs.ts";
import type { Model } from "../bert/model.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../bert/trace.ts";
import { Random } from "../engine/random.ts";
import { argmax, type ExitDials, exitMargin } from "../exit/criteria.ts";
import type { SkimDials } from "../skim/policy.ts";

/** What every head said under one way of skimming, and what got that far. */
export interface StoredAnswers {
  readonly skim: false | SkimDials;
  /** By text, by head: logits [c]; the last is the model's own head. */
  readonly answers: readonly (readonly Float32Array[])[];
  /** Nobody exits in these. */
  readonly traces: readonly Trace[];
}

/** The model at one setting of its dials. */
export interface DialPoint {
  readonly dials: Dials;
  /** Every text answered after this layer, whatever its logits; no dial does that, it is what criteria are compared with. */
  readonly layer?: number;
  /** The most probable label of each text. */
  readonly answers: readonly number[];
  /** Multiply–accumulates executed for each text, overheads included. */
  readonly macs: readonly number[];
}

/** Exits by the answers alone. */
export type ExitCriteria = Omit<ExitDials, "deadlineMs">;

export interface DialGrid {
  readonly keepThresholds: readonly number[];
  readonly attentionThresholds: readonly number[];
  readonly entropies: readonly number[];
  readonly patiences: readonly number[];
}

const steps = (from: number, to: number, step: number): number[] =>
  Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(6)));

export const usualGrid: DialGrid = {
  keepThresholds: [-2, -1, -0.5, ...steps(0, 1, 0.1), 1.25, 1.5, 2],
  attentionThresholds: [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4],
  entropies: [0.01, 0.02, ...steps(0.05, 0.95, 0.05)],
  patiences: [2, 3, 4, 5, 6],
};

/** Every way of skimming that the model has in this grid, none among them. Of both kinds of skimming, predictors are never off alone. */
export function skimsOf({ predictors, attentionThresholds }: Abilities, grid: DialGrid): (false | SkimDials)[] {
  const keeps = predictors ? [undefined, ...grid.keepThresholds] : [undefined];
  const scales = attentionThresholds ? [undefined, ...grid.attentionThresholds] : [undefined];
  return keeps.flatMap((keep) =>
    scales.flatMap((scale): (false | SkimDials)[] => {
      if (keep === undefined && scale === undefined) return [false];
      // Predictors that are there and not asked need a threshold of −∞, which no file can hold.
      if (predictors && keep === undefined) return [];
      return [
        { ...(predictors && { keepThreshold: keep }), ...(attentionThresholds && { attentionThreshold: scale ?? 0 }) },
      ];
    }),
  );
}

/** No exits, each criterion alone, and both together: patience ends what entropy would carry through all layers. */
export function exitsOf({ exitHeads }: Abilities, { entropies, patiences }: DialGrid): (false | ExitCriteria)[] {
  if (!exitHeads) return [false];
  const byEntropy = entropies.map((entropy) => ({ entropy }));
  const byPatience = patiences.map((patience) => ({ patience }));
  const byBoth = byEntropy.flatMap((entropy) => byPatience.map((patience) => ({ ...entropy, ...patience })));
  return [false, ...byEntropy, ...byPatience, ...byBoth];
}

/** Runs all texts once under one way of skimming. */
export async function storeAnswers(
  model: Model,
  texts: readonly TokenIds[],
  skim: false | SkimDials,
  batch = 32,
): Promise<StoredAnswers> {
  // A patience that no number of heads can reach: all are asked, nobody leaves.
  const exit: Dials["exit"] = model.abilities.exitHeads ? { patience: Number.POSITIVE_INFINITY } : false;
  const answers: Float32Array[][] = [];
  const traces: Trace[] = [];
  for (let from = 0; from < texts.length; from += batch) {
    const now = texts.slice(from, from + batch);
    const result = await model.forwardEncodings(now, { skim, exit, answers: true });
    answers.push(...(result.answers ?? []));
    traces.push(...result.trace);
  }
  return { skim, answers, traces };
}

/**
 * What a forward with each of these exit dials would have answered and executed. Deadlines are about clocks and are not swept. A point keeps
 * the layers at which texts exit, a byte a text, and works out the rest when somebody looks: a grid has thousands of points.
 */
export function pointsOf(
  { skim, answers, traces }: StoredAnswers,
  exits: readonly (false | ExitCriteria)[],
  { config, predictorWidth }: Pick<Model, "config" | "predictorWidth">,
): DialPoint[] {
  const labels = answers.map((heads) => heads.map(argmax));
  const asked = traces.map((trace) =>
    Array.from({ length: config.layers }, (_, l) => macsUntil(trace, l + 1, true, config, predictorWidth)),
  );
  const none = {
    dials: { skim, exit: false as const },
    answers: labels.map((each) => each[each.length - 1]),
    macs: traces.map((trace) => macsUntil(trace, config.layers, false, config, predictorWidth)),
  };
  const known = new Map<string, Uint8Array>();
  const layersOf = (criterion: ExitCriteria): Uint8Array => {
    const name = JSON.stringify(criterion);
    const layers = known.get(name) ?? exitLayers(answers, criterion, config.layers);
    known.set(name, layers);
    return layers;
  };
  return exits.map((exit): DialPoint => {
    if (exit === false) return none;
    // Any one criterion suffices, so a text exits at the earliest layer that one of them gives.
    const all = criteriaOf(exit).map(layersOf);
    const layers = Uint8Array.from(answers, (_, t) => Math.min(config.layers, ...all.map((each) => each[t])));
    return {
      dials: { skim, exit },
      get answers() {
        return labels.map((each, t) => each[Math.min(layers[t], each.length) - 1]);
      },
      get macs() {
        return asked.map((each, t) => each[layers[t] - 1]);
      },
    };
  });
}

/** Criteria by themselves. */
function criteriaOf({ entropy, confidence, patience }: ExitCriteria): ExitCriteria[] {
  const criteria = [{ entropy }, { confidence }, { patience }];
  return criteria.filter((criterion) => Object.values(criterion)[0] !== undefined);
}

/** The layer, from 1, at which each text exits; the last one for a text that is never sure. */
function exitLayers(answers: StoredAnswers["answers"], exit: ExitCriteria, last: number): Uint8Array {
  return Uint8Array.from(answers, (heads) => {
    for (let l = 0; l < heads.length - 1; l++) if (exitMargin(exit, heads.slice(0, l + 1), 0) >= 0) return l + 1;
    return last;
  });
}

/** Every text answered after `layer` (from 1), by its head alone: exits by number, without any criterion. */
export function pointOfLayer(
  { skim, answers, traces }: StoredAnswers,
  layer: number,
  { config, predictorWidth }: Pick<Model, "config" | "predictorWidth">,
): DialPoint {
  return {
    dials: { skim, exit: false },
    layer,
    answers: answers.map((heads) => argmax(heads[layer - 1])),
    macs: traces.map((trace) => {
      const heads = trace.heads.map((_, l) => Number(l === layer - 1));
      return macsUntil({ ...trace, heads }, layer, true, config, predictorWidth);
    }),
  };
}

function macsUntil(trace: Trace, layer: number, asks: boolean, config: BertConfig, predictorWidth: number): number {
  const until = (counts: readonly number[]): number[] => counts.map((count, l) => (l < layer ? count : 0));
  const heads = until(trace.heads).map((asked, l) => (asks || l === config.layers - 1 ? asked : 0));
  const { length, attended, fed, scored } = trace;
  const passage = { length, attended: until(attended), fed: until(fed), scored: until(scored), heads };
  return passageMacs(config, predictorWidth, passage).macs;
}

/**
 * Answers with as many tokens dropped at each step as the model dropped, but random ones: what the choice is worth. No MACs of a predictor
 * are counted, as none decides.
 */
export async function randomDropping(
  model: Model,
  texts: readonly TokenIds[],
  { skim, traces }: StoredAnswers,
  seed: number,
): Promise<DialPoint> {
  const answers: number[] = [];
  const macs: number[] = [];
  for (const [t, text] of texts.entries()) {
    const [cls, ...others] = traces[t].leftAt;
    const leftAt = [cls, ...new Random(`${seed} random dropping ${t}`).shuffle([...others])];
    const replay = [{ ...traces[t], leftAt }];
    const { logits, trace } = await model.forwardEncodings([text], { skim: false, exit: false, replay });
    answers.push(argmax(logits[0]));
    macs.push(trace[0].macs);
  }
  return { dials: { skim, exit: false }, answers, macs };
}

/** The share of answers that are right. */
export function accuracyOf(answers: readonly number[], truth: readonly number[]): number {
  return answers.filter((answer, t) => answer === truth[t]).length / truth.length;
}

/** Indices of the points that no other is both as accurate and as cheap as, cheapest first; of equals one. */
export function frontOf(points: readonly { readonly accuracy: number; readonly macs: number }[]): number[] {
  const order = points.map((_, i) => i);
  order.sort((a, b) => points[a].macs - points[b].macs || points[b].accuracy - points[a].accuracy || a - b);
  const front: number[] = [];
  let best = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    if (points[i].accuracy <= best) continue;
    best = points[i].accuracy;
    front.push(i);
  }
  return front;
}
