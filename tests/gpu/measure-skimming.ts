/**
 * What skimming should do on a GPU, measured on the bundled model: read the scores back at every layer and let rows leave, or decide on
 * the device by a mask and compact every few layers, or never. All ways are timed in turn on the same ragged batch.
 */

import { measure } from "../../bench/measure.ts";
import { packBatch } from "../../bert/batch.ts";
import type { Bert } from "../../bert/bert.ts";
import { buildBert } from "../../bert/build.ts";
import { parseConfig } from "../../bert/config.ts";
import { embedTokens } from "../../bert/embeddings.ts";
import { attend, feedForward } from "../../bert/layer.ts";
import { Model } from "../../bert/model.ts";
import { readParameters } from "../../bert/read-parameters.ts";
import { planScratch, type Scratch } from "../../bert/scratch.ts";
import { parseTaperConfig } from "../../bert/taper-config.ts";
import type { Handle } from "../../engine/backend.ts";
import { bytesSource } from "../../engine/model-files.ts";
import { Rows } from "../../engine/rows.ts";
import { openSafetensors } from "../../engine/safetensors-source.ts";
import { view } from "../../engine/view.ts";
import { answer } from "../../exit/head.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { scoreRows } from "../../skim/predictor.ts";
import { equal, largestDifference, ok } from "./checks.ts";
import { TOLERANCE } from "./compare-forwards.ts";

const RUNS = 5;
/** Of a layer's number, from 0: whether the rows that a mask took out leave before it. */
type CompactsBefore = (l: number) => boolean;
const everyLayer: CompactsBefore = () => true;
const evenLayers: CompactsBefore = (l) => l % 2 === 0;
const oddLayers: CompactsBefore = (l) => l % 2 === 1;
const everyFourth: CompactsBefore = (l) => l % 4 === 3;
const never: CompactsBefore = () => false;

/** The decisions of a masked forward, all on the device: 1 where a row is alive. */
interface Mask {
  readonly alive: Handle;
  readonly next: Handle;
  readonly cls: Handle;
  readonly ones: Handle;
  readonly zeros: Handle;
  readonly margin: Handle;
  readonly half: { readonly weights: Handle; readonly bias: Handle };
  readonly difference: { readonly weights: Handle; readonly bias: Handle };
}

export async function measureSkimming(backend: InferenceBackend, ids: readonly (readonly number[])[]): Promise<object> {
  const bert = await load(backend);
  const { keepThreshold = 0 } = bert.defaults.skim || {};
  const scratch = planScratch(backend, bert.config, bert.predictors?.[0].width ?? 0, 2048);
  const model = new Model(bert, backend);
  const mask = planMask(backend, scratch.capacity, keepThreshold);
  const perLayer = () => model.forward(ids, { skim: { keepThreshold }, exit: false });
  const masked = (compactsBefore: CompactsBefore) => () =>
    forwardMasked(backend, bert, scratch, mask, ids, compactsBefore);

  const expected = await perLayer();
  const found = await masked(everyFourth)();
  const fedIn = async (compactsBefore: CompactsBefore) =>
    round((await masked(compactsBefore)()).fed / bert.config.layers);
  const apart = largestDifference(found.logits, expected.logits);
  ok(apart <= TOLERANCE, `masked and dropped logits are ${apart} apart`);
  const last = expected.trace.reduce((sum, { fed }) => sum + fed[fed.length - 1], 0);
  equal(found.kept, last, "rows alive in the last layer");

  const { ms, ratio } = await measure(
    {
      dense: () => model.forward(ids, { skim: false, exit: false }),
      perLayer,
      maskedCompactedEvery1: masked(everyLayer),
      maskedCompactedBeforeEven: masked(evenLayers),
      maskedCompactedBeforeOdd: masked(oddLayers),
      maskedCompactedEvery4: masked(everyFourth),
      maskedNeverCompacted: masked(never),
      oneRead: () => backend.read(scratch.importance, 256),
      oneSmallLaunch: async () => {
        for (let i = 0; i < 20; i++) {
          backend.op("add", { out: mask.next, a: mask.ones, b: mask.zeros, length: 256 });
        }
        await backend.read(mask.next, 1);
      },
    },
    { runs: RUNS, warmup: 1 },
  );
  const times = Object.fromEntries(Object.entries(ms).map(([name, { median }]) => [name, round(median)]));
  const rows = ids.reduce((sum, list) => sum + list.length, 0);
  const fed = expected.trace.reduce((sum, trace) => sum + trace.fed.reduce((a, b) => a + b, 0), 0);
  const report = {
    rows,
    meanRowsOfALayer: {
      perLayer: round(fed / bert.config.layers),
      maskedCompactedBeforeEven: await fedIn(evenLayers),
      maskedCompactedBeforeOdd: await fedIn(oddLayers),
      maskedCompactedEvery4: await fedIn(everyFourth),
    },
    ms: { ...times, oneSmallLaunch: round((ms.oneSmallLaunch.median - ms.oneRead.median) / 20) },
    "÷ perLayer": {
      dense: round(ratio("dense", "perLayer").median),
      maskedCompactedEvery1: round(ratio("maskedCompactedEvery1", "perLayer").median),
      maskedCompactedBeforeEven: round(ratio("maskedCompactedBeforeEven", "perLayer").median),
      maskedCompactedBeforeOdd: round(ratio("maskedCompactedBeforeOdd", "perLayer").median),
      maskedCompactedEvery4: round(ratio("maskedCompactedEvery4", "perLayer").median),
      maskedNeverCompacted: round(ratio("maskedNeverCompacted", "perLayer").median),
    },
  };
  await model.dispose();
  return report;
}

async function load(backend: InferenceBackend): Promise<Bert> {
  const json = async (name: string) => (await fetch(`/models/sst2-12x128/${name}`)).json();
  const config = parseConfig(await json("config.json"), "config.json");
  const taper = parseTaperConfig(await json("taperbert.json"), config.layers, "taperbert.json");
  const response = await fetch("/models/sst2-12x128/model.safetensors");
  const bytes = new Uint8Array(await response.arrayBuffer());
  const file = await openSafetensors(bytesSource(bytes, "model.safetensors"));
  return readParameters(file, backend, (source) => buildBert(config, taper, source));
}

function planMask(backend: InferenceBackend, capacity: number, threshold: number): Mask {
  const filled = (value: number) => backend.upload(view(new Float32Array(capacity).fill(value), [capacity]));
  const linear = (weights: number[], bias: number) => ({
    weights: backend.pack(view(Float32Array.from(weights), [weights.length, 1])),
    bias: backend.upload(view(Float32Array.of(bias), [1])),
  });
  // tanh of a million times the margin is ±1; half of it and a half is the decision.
  const steep = 1e6;
  return {
    alive: backend.allocate(capacity),
    next: backend.allocate(capacity),
    cls: backend.allocate(capacity),
    ones: filled(1),
    zeros: filled(0),
    margin: backend.allocate(capacity),
    half: linear([0.5], 0.5),
    difference: linear([-steep, steep], -steep * threshold),
  };
}

async function forwardMasked(
  backend: InferenceBackend,
  { config, parameters, predictors = [], taskHead }: Bert,
  scratch: Scratch,
  mask: Mask,
  ids: readonly (readonly number[])[],
  compactsBefore: CompactsBefore,
): Promise<{ logits: Float32Array[]; kept: number; fed: number }> {
  const batch = packBatch(ids, undefined, config, scratch.batch);
  backend.write(scratch.ids, batch.ids);
  backend.write(scratch.positions, batch.positions);
  backend.write(scratch.segments, batch.segments);
  const rows = new Rows(backend, scratch.rows, batch.starts, config.d);
  const { d, h, eps } = config;
  const buffers = { ids: scratch.ids, positions: scratch.positions, segments: scratch.segments };
  embedTokens(backend, parameters.embeddings, config, rows.count, { ...buffers, summed: rows.spare, out: rows.hidden });
  const everybody = (): void => {
    backend.write(mask.alive, new Float32Array(rows.count).fill(1));
    const isFirst = new Float32Array(rows.count);
    for (let t = 0; t < rows.texts; t++) isFirst[rows.starts[t]] = 1;
    backend.write(mask.cls, isFirst);
  };
  const compact = async (): Promise<void> => {
    rows.compact(Uint8Array.from(await backend.read(mask.alive, rows.count)));
    everybody();
  };
  everybody();
  let fed = 0;
  for (const [l, layer] of parameters.layers.entries()) {
    decide(backend, predictors[l], rows, scratch, mask);
    // A compaction pays before the layer that it shortens.
    if (compactsBefore(l)) await compact();
    const n = rows.count;
    const sizes = { n, texts: rows.texts, pairs: rows.pairs, d, h, eps };
    const { alive } = mask;
    fed += rows.count;
    const whole = compactsBefore(l);
    const { hidden, spare, startsHandle: starts } = rows;
    const { output } = scratch;
    if (whole) {
      attend(backend, layer, sizes, { out: spare, hidden, starts }, scratch.layer);
      feedForward(backend, layer, sizes, { out: hidden, hidden: spare }, scratch.layer);
      continue;
    }
    attend(backend, layer, sizes, { out: output, hidden, starts, mask: alive }, scratch.layer);
    backend.op("blend", { out: spare, mask: alive, a: output, b: hidden, n, d });
    feedForward(backend, layer, sizes, { out: output, hidden: spare }, scratch.layer);
    backend.op("blend", { out: hidden, mask: alive, a: output, b: spare, n, d });
  }
  if (taskHead.reads !== "cls") throw new Error("the bundled model answers from [CLS]");
  const firsts = Int32Array.from({ length: rows.texts }, (_, t) => rows.starts[t]);
  answer(backend, taskHead.head, rows.hidden, firsts, rows.count, d, scratch.head);
  const c = config.labels.length;
  const all = await backend.read(scratch.head.logits, rows.texts * c);
  const alive = await backend.read(mask.alive, rows.count);
  return {
    logits: ids.map((_, t) => all.slice(t * c, (t + 1) * c)),
    kept: alive.reduce((sum, value) => sum + value, 0),
    fed,
  };
}

/** alive = [CLS] or (alive and margin > 0), without a read. */
function decide(
  backend: InferenceBackend,
  predictor: NonNullable<Bert["predictors"]>[number],
  rows: Rows,
  scratch: Scratch,
  { alive, next, cls, ones, zeros, margin, half, difference }: Mask,
): void {
  if (!scratch.predictor) throw new Error("the bundled model has predictors");
  const n = rows.count;
  const { keepLogits } = scratch.predictor;
  scoreRows(backend, predictor, rows.hidden, n, rows.d, scratch.predictor);
  backend.op("matmul", { out: margin, a: keepLogits, ...difference, activation: "tanh", n, k: 2, m: 1 });
  backend.op("matmul", { out: next, a: margin, ...half, n, k: 1, m: 1 });
  backend.op("blend", { out: margin, mask: alive, a: next, b: zeros, n, d: 1 });
  backend.op("blend", { out: alive, mask: cls, a: ones, b: margin, n, d: 1 });
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
