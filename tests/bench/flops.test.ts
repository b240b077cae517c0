/** Costs by layer and part against the published constants, and against what a model really executed. */
import { expect, it } from "vitest";
import { totalsOf } from "../../bench/executed.ts";
import { modelCost } from "../../bench/flops.ts";
import { parseSchedule, scheduledTrace } from "../../bench/schedule.ts";
import { configOfShape, namedShapes } from "../../bert/config.ts";
import { Random } from "../../engine/random.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { everyPart, randomIds, randomModel, smallConfig } from "../support/random-bert.ts";

const base = configOfShape(namedShapes.base);

it.each([
  [1, 7_079_424],
  [64, 459_276_288],
  [128, 931_135_488],
  [512, 4_026_531_840],
])("a layer of BERT-base over %i tokens is %i MAC", (tokens, macs) => {
  const { layers, encoder } = modelCost(base, tokens);
  expect(layers.map((layer) => layer.macs)).toEqual(new Array(12).fill(macs));
  expect(encoder.macs).toBe(12 * macs);
});

it("the encoder of BERT-base at 128 tokens is 22.347 GFLOPs; embeddings have none", () => {
  const { encoder, embeddings, head, total, overhead } = modelCost(base, 128);
  expect(encoder.flops / 1e9).toBeCloseTo(22.347, 3);
  expect(embeddings.flops).toBe(0);
  expect(overhead.flops).toBe(0);
  expect(head.macs).toBe(768 * 768 + 768 * 2);
  expect(total.macs).toBe(encoder.macs + head.macs);
});

it("parts add up to layers, layers to the total", () => {
  const { layers, encoder, overhead, head, total } = modelCost(smallConfig, 9, everyPart);
  for (const layer of layers) {
    expect(Object.values(layer.parts).reduce((sum, part) => sum + part.macs, 0)).toBe(layer.macs);
  }
  expect(layers.map((layer) => layer.parts.exitHead.macs)).toEqual([24 * 24 + 24 * 3, 24 * 24 + 24 * 3, 0]);
  expect(layers[0].parts.predictor.macs).toBe(9 * (24 * 6 + 2 * 6));
  expect(total.macs).toBe(encoder.macs + overhead.macs + head.macs);
});

it("the padded baseline pads to the longest of 32 texts, in order", () => {
  const lengths = [...new Array(31).fill(2), 9, 4, 3];
  const traces = lengths.map((length) => scheduledTrace(length, [1, 1, 1], smallConfig));
  const costOf = (n: number) => modelCost(smallConfig, n).total.macs;
  const totals = totalsOf(traces, smallConfig);
  expect(totals.speedup).toBe(1);
  expect(totals.paddedMacs).toBe(32 * costOf(9) + 2 * costOf(4));
});

it("meanKept counts the layers that a text reached", () => {
  const trace = { ...scheduledTrace(10, [1, 0.5, 0.2], smallConfig), exitLayer: 2 };
  expect(totalsOf([trace], smallConfig).meanKept).toBe(0.75);
});

it("Transkimmer's worked example: 1 951 454 208 MAC with predictors", () => {
  const kept = [46, 40, 34, 30, 26, 22, 18, 14, 10, 6, 3, 1];
  const shares = kept.map((count) => count / 51);
  const trace = scheduledTrace(51, shares, base, { skim: { predictorWidth: 768 } });
  expect(trace.attended).toEqual(kept);
  const head = 768 * 768 + 768 * 2;
  // The published count leaves [CLS] unscored; here it is scored with the other rows.
  const clsScores = 12 * (768 * 768 + 2 * 768);
  expect(trace.macs - head - clsScores).toBe(1_951_454_208);
});

it("a replayed schedule executes what its trace says", async () => {
  const model = randomModel(scalarBackend(), 3);
  const [ids] = randomIds(new Random(2), 1, smallConfig, 20);
  const shares = parseSchedule("0.9,0.4", 3, "--skim-schedule");
  const planned = scheduledTrace(ids.length, shares, smallConfig, everyPart);
  const options = {
    skim: { keepThreshold: -1e30, attentionThreshold: 0 },
    exit: { patience: Number.POSITIVE_INFINITY },
    replay: [planned],
  };
  const { trace } = await model.forward([ids], options);
  expect(trace[0]).toEqual(planned);
  await model.dispose();
});

it.each(["", "1.2", "0.5,0.6", "0.5,x", "1,1,1,1", "-0.1"])("refuses the schedule %j", (text) => {
  expect(() => parseSchedule(text, 3, "--skim-schedule")).toThrow(/--skim-schedule: expected at most 3 shares/);
});
