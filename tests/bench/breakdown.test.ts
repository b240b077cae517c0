/** Executed work by layer and part: rows add up, and the formula is what the kernels count as they run. */
import { expect, it } from "vitest";
import { breakdown } from "../../bench/breakdown.ts";
import { totalsOf } from "../../bench/executed.ts";
import { densePassage, operationsOf, partNames } from "../../bench/operations.ts";
import { scheduledTrace } from "../../bench/schedule.ts";
import { configOfShape, namedShapes } from "../../bert/config.ts";
import type { Dials } from "../../bert/dials.ts";
import type { Trace } from "../../bert/trace.ts";
import { Random } from "../../engine/random.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { counting } from "../../kernels/counting.ts";
import { everyPart, randomIds, randomModel, smallConfig } from "../support/random-bert.ts";

const width = everyPart.skim!.predictorWidth!;
const narrowing: Dials = { skim: { keepThreshold: 0.2, attentionThreshold: 1 }, exit: { entropy: 0.8 } };

async function run(dials: Dials, texts = 40) {
  const backend = counting(scalarBackend());
  const model = randomModel(backend, 3);
  backend.reset();
  const traces: Trace[] = [];
  for (const ids of randomIds(new Random(1), texts)) traces.push((await model.forward([ids], dials)).trace[0]);
  const { totals } = backend;
  await model.dispose();
  return { traces, totals };
}

it.each([
  ["dense", { skim: false, exit: false }],
  ["narrowing", narrowing],
  ["skimming before the layers only", { skim: { keepThreshold: 0.1, attentionThreshold: 0 }, exit: false }],
] as const)("%s: products and element-wise work by formula are those counted", async (_, dials) => {
  const { traces, totals } = await run(dials);
  const { total } = breakdown(traces, smallConfig, width);
  expect(total.executed).toBe(totals.macs);
  expect(total.elements).toBe(totals.elements);
  expect(total.executed).toBe(traces.reduce((sum, { macs }) => sum + macs, 0));
});

it("cells add up to rows, rows to subtotals and totals, on every side", async () => {
  const { traces } = await run(narrowing);
  const { layers, parts, encoder, overhead, total, buckets } = breakdown(traces, smallConfig, width);
  for (const side of ["executed", "dense", "padded", "elements"] as const) {
    const sumOf = (works: readonly { readonly [K in typeof side]: number }[]) =>
      works.reduce((sum, work) => sum + work[side], 0);
    for (const layer of layers) expect(sumOf(Object.values(layer.parts))).toBe(layer[side]);
    for (const name of partNames) {
      const apart = name === "embeddings" || name === "pooler";
      const rows = layers.flatMap((layer) => layer.parts[name] ?? []);
      if (apart) expect(rows).toEqual([]);
      else expect(sumOf(rows)).toBe(parts[name][side]);
    }
    expect(sumOf(layers) + parts.embeddings[side] + parts.pooler[side]).toBe(total[side]);
    expect(encoder[side] + overhead[side] + parts.embeddings[side] + parts.pooler[side]).toBe(total[side]);
    expect(sumOf(buckets)).toBe(total[side]);
  }
  const totals = totalsOf(traces, smallConfig);
  expect([total.dense, total.padded]).toEqual([totals.denseMacs, totals.paddedMacs]);
  expect(overhead.executed).toBe(totals.overheadMacs);
  expect(overhead.executed).toBeGreaterThan(0);
  expect(layers.reduce((sum, { answered }) => sum + answered, 0)).toBe(traces.length);
  expect(buckets.reduce((sum, { texts }) => sum + texts, 0)).toBe(traces.length);
});

it("the encoder of BERT-base at 128 tokens is 22.347 GFLOPs, from the kernels' own costs", () => {
  const base = configOfShape(namedShapes.base);
  const trace = scheduledTrace(128, new Array<number>(12).fill(1), base);
  const { encoder, parts } = breakdown([trace], base, 0);
  expect((2 * encoder.executed) / 1e9).toBeCloseTo(22.347, 3);
  expect(encoder.dense).toBe(encoder.executed);
  expect(parts.embeddings).toMatchObject({ executed: 0, elements: 3 * 128 * 768 });
  expect(parts.pooler.executed).toBe(768 * 768 + 768 * 2);
});

it("lengths fall into buckets by powers of two", () => {
  const traces = [1, 16, 17, 33, 64].map((length) => scheduledTrace(length, [1, 1, 1], smallConfig));
  const { buckets } = breakdown(traces, smallConfig, 0);
  expect(buckets.map(({ from, to, texts, tokens }) => [from, to, texts, tokens])).toEqual([
    [1, 16, 2, 17],
    [17, 32, 1, 17],
    [33, 64, 2, 97],
  ]);
});

it.each(["token-classification", "question-answering", "embedding"] as const)(
  "a dense %s model's head is its own",
  (task) => {
    const config = { ...smallConfig, task };
    const pooler = operationsOf(config, 0, densePassage(3, 9)).filter(({ part }) => part === "pooler");
    const macs = { "token-classification": 9 * 24 * 3, "question-answering": 9 * 24 * 2, embedding: 0 }[task];
    expect(pooler.reduce((sum, operation) => sum + operation.macs, 0)).toBe(macs);
  },
);
