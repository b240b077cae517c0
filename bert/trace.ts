/**
 * What happened to a text on its way through the layers: how many rows met what, where each token left, where the text was
 * answered, and what it cost. A trace can be replayed: decisions are discrete, so two forwards are compared on equal ones.
 */

import { show, TaperError } from "../engine/errors.ts";
import type { Rows } from "../engine/rows.ts";
import type { BertConfig } from "./config.ts";
import { passageMacs } from "./macs.ts";

/** What happened to one text in a forward: who left where, who answered, what it cost. It can be replayed by `forward(…, { replay })`. */
export interface Trace {
  /** Tokens of the text. */
  readonly length: number;
  /** By layer: rows that entered attention. */
  readonly attended: readonly number[];
  /** By layer: rows that entered the feed-forward part. */
  readonly fed: readonly number[];
  /** By layer: rows that a skim predictor scored before it. [CLS] is scored with the others, though it always stays. */
  readonly scored: readonly number[];
  /** By layer: 1 if a head read [CLS] after it (at the last layer: the model's own head). */
  readonly heads: readonly number[];
  /** The layer that answered, counted from 1; the number of layers if the text went all the way. */
  readonly exitLayer: number;
  /** Multiply–accumulates executed, overheads included; 1 MAC = 2 FLOPs. */
  readonly macs: number;
  /** The same text through the dense model, on its real length. */
  readonly denseMacs: number;
  /** Of `macs`: skim predictors and exit heads. */
  readonly overheadMacs: number;
  /**
   * By token, the step at which it left: 2·l skimmed before layer l (layers from 0), 2·l + 1 pruned after layer l's attention,
   * 2·layers if it stayed as long as its text did.
   */
  readonly leftAt: readonly number[];
}

export const stepBefore = (l: number): number => 2 * l;
export const stepAfterAttention = (l: number): number => 2 * l + 1;

/** Writes the traces of one batch while its forward runs. */
export class Journal {
  private readonly starts: Int32Array;
  private readonly config: BertConfig;
  private readonly counts: Record<"attended" | "fed" | "scored" | "heads", number[][]>;
  private readonly leftAt: number[][];
  private readonly exitLayer: number[];

  /** `starts` of the whole batch, before anything left. */
  constructor(starts: Int32Array, config: BertConfig) {
    this.starts = starts;
    this.config = config;
    this.counts = { attended: [], fed: [], scored: [], heads: [] };
    this.leftAt = [];
    this.exitLayer = [];
    const { attended, fed, scored, heads } = this.counts;
    for (let t = 0; t + 1 < starts.length; t++) {
      for (const part of [attended, fed, scored, heads]) part.push(filled(config.layers, 0));
      this.leftAt.push(filled(starts[t + 1] - starts[t], 2 * config.layers));
      this.exitLayer.push(config.layers);
    }
  }

  /** Every row that is alive now meets this part of layer l. */
  met(part: "attended" | "fed" | "scored", l: number, rows: Rows): void {
    const counts = this.counts[part];
    for (let t = 0; t < counts.length; t++) counts[t][l] = rows.rowsOf(t);
  }

  metHead(text: number, l: number): void {
    this.counts.heads[text][l] = 1;
  }

  /** The rows with keep = 0 leave at `step`. */
  left(step: number, rows: Rows, keep: Uint8Array): void {
    for (let i = 0; i < rows.count; i++) {
      if (keep[i] === 0) this.leftAt[rows.text[i]][rows.position[i]] = step;
    }
  }

  exited(text: number, l: number): void {
    this.exitLayer[text] = l + 1;
  }

  /** `predictorWidth` is 0 for a model without skim predictors. */
  traces(predictorWidth: number): Trace[] {
    return this.exitLayer.map((exitLayer, t) => {
      const length = this.starts[t + 1] - this.starts[t];
      const [attended, fed] = [this.counts.attended[t], this.counts.fed[t]];
      const [scored, heads] = [this.counts.scored[t], this.counts.heads[t]];
      const passage = { length, attended, fed, scored, heads };
      const { macs, denseMacs, overheadMacs } = passageMacs(this.config, predictorWidth, passage);
      return { length, attended, fed, scored, heads, exitLayer, macs, denseMacs, overheadMacs, leftAt: this.leftAt[t] };
    });
  }
}

function filled(length: number, value: number): number[] {
  const list = new Array<number>(length);
  for (let i = 0; i < length; i++) list[i] = value;
  return list;
}

/**
 * Throws ERR_INPUT unless `replay` has a trace for each text, of its length and this model's number of layers, in which [CLS] stays,
 * and in which nobody exits where the model has no exit heads.
 */
export function checkReplay(
  replay: readonly Trace[],
  lengths: readonly number[],
  layers: number,
  hasExitHeads: boolean,
): void {
  if (!Array.isArray(replay) || replay.length !== lengths.length) {
    const found = Array.isArray(replay) ? replay.length : show(replay);
    throw new TaperError("ERR_INPUT", `replay: expected a trace for each of ${lengths.length} texts, found ${found}.`);
  }
  for (const [t, trace] of replay.entries()) {
    const { leftAt, attended, exitLayer }: Partial<Trace> = trace ?? {};
    const refuse = (expected: string, found: string): TaperError =>
      new TaperError("ERR_INPUT", `replay[${t}]: expected ${expected}, found ${found}.`);
    if (leftAt?.length !== lengths[t] || attended?.length !== layers) {
      const found = `${leftAt?.length ?? "no"} tokens over ${attended?.length ?? "no"} layers`;
      throw refuse(`a trace of ${lengths[t]} tokens over ${layers} layers`, found);
    }
    const first = hasExitHeads ? 1 : layers;
    if (exitLayer === undefined || !Number.isInteger(exitLayer) || exitLayer < first || exitLayer > layers) {
      const expected = hasExitHeads
        ? `an exit layer from 1 to ${layers}`
        : `exit layer ${layers}: there are no exit heads`;
      throw refuse(expected, String(exitLayer));
    }
    if (leftAt[0] !== 2 * layers) throw refuse(`[CLS] to stay (leftAt[0] = ${2 * layers})`, String(leftAt[0]));
  }
}
