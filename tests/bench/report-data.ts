/** A report's data by invention: every section filled, names and numbers as awkward as they come. */
import { ablationRows } from "../../bench/ablation.ts";
import { breakdown } from "../../bench/breakdown.ts";
import { wayTitles } from "../../bench/dials.ts";
import type { ReportData } from "../../bench/report/data.ts";
import { scheduledTrace } from "../../bench/schedule.ts";
import { figuresOf } from "../../bench/single-stream.ts";
import type { Sample } from "../../bench/stream.ts";
import type { Observed } from "../../bench/ways.ts";
import { Random } from "../../engine/random.ts";
import { everyPart, smallConfig } from "../support/random-bert.ts";

const texts = 120;

export function inventedReport(): ReportData {
  const random = new Random(1);
  const lengths = Array.from({ length: texts }, () => 3 + random.integer(30));
  const factors = { "dense-padded": 2, dense: 1, skim: 0.6, exit: 0.35, both: 0.25, worst: 1.1 } as const;
  const samplesOf = (factor: number): Sample[][] =>
    lengths.map((n) => [0, 1].map(() => ({ prepareMs: 0.01, runMs: factor * n * random.uniform(1, 1.3) })));
  const samples = Object.fromEntries(Object.entries(factors).map(([name, factor]) => [name, samplesOf(factor)]));
  const tracesOf = (share: number) => lengths.map((n) => scheduledTrace(n, [1, share, share], smallConfig, everyPart));
  const answers = lengths.map((_, t) => ({ label: t % 3, confidence: random.uniform(0.4, 1) }));
  const observed = Object.fromEntries(
    Object.entries(factors).map(([name, factor]): [string, Observed] => {
      const roofMs = lengths.map((n) => 0.5 * factor * n);
      return [name, name === "dense-padded" ? { roofMs } : { answers, traces: tracesOf(Math.min(1, factor)), roofMs }];
    }),
  );
  const figures = figuresOf({ samples, texts, queries: 2 * texts }, "dense");
  const work = breakdown(tracesOf(0.3), smallConfig, everyPart.skim!.predictorWidth!);
  const labels = lengths.map((_, t) => (t % 5 === 0 ? 0 : t % 3));
  return {
    kind: "report",
    latency: {
      kind: "latency",
      model: "/a/rather/long/path/to/a/directory/of/models/with-an-even-longer-name-for-a-model-12x128",
      texts,
      timedTexts: texts,
      tokens: lengths.reduce((sum, n) => sum + n, 0),
      runs: 2,
      textsHash: "abc",
      tokenised: true,
      ablation: ablationRows({ config: smallConfig, titles: wayTitles, observed, figures, labels, meaningful: true }),
      offline: ["dense", "narrowed"].flatMap((way) =>
        [1, 8].map((batch) => ({ way, batch, textsPerSecond: 1234.5, tokensPerSecond: 1_234_567.8, rounds: 3 })),
      ),
      loadMs: 12.3,
      peakBytes: 2 ** 30,
      coldStart: { processes: 3, coldMs: 345, importMs: 12, loadMs: 234, firstMs: 9, steadyMs: 1, peakBytes: 2 ** 29 },
      peers: [
        { name: "ours, dense", ms: 2.5, againstDense: 1, againstNarrowed: 3.5 },
        { name: "onnxruntime-node f32", ms: 258.1, againstDense: 0.53, againstNarrowed: 1.9, difference: 1e-6 },
        { name: "tfjs-wasm", absent: "not installed: npm --prefix bench/peers ci" },
      ],
      fingerprint: {
        platform: "linux x64",
        cpu: "A Processor With A Long Name (R) @ 3.00GHz 64-Core",
        cores: 64,
        node: "24.1.0",
        v8: "13.6.233",
        backend: "wasm",
        variant: "relaxed",
        dtype: "f32",
        threads: { count: 1, why: "a reason" },
        weights: "trained",
        modelHash: "0123456789abcdef",
        load: { before: 0.5, after: 12.25 },
        timingLoop: { ms: 0.65, spread: 0.08, count: 30 },
      },
    },
    breakdown: work,
    layers: 3,
    alive: work.layers.map(({ attended, answered }) => ({ alive: attended / work.tokens, answered })),
    sweep: (["dense", "skim", "exit", "both"] as const).flatMap((series, s) =>
      [0.3, 0.6, 0.9].map((dial) => ({
        series,
        dial: `entropy ${dial}`,
        accuracy: 0.8 - 0.03 * dial * s,
        agreement: 1 - 0.05 * dial * s,
        gflops: 0.12 / (1 + s * dial),
        ms: 4 / (1 + 0.7 * s * dial),
      })),
    ),
    examples: [
      {
        words: [
          "<b>one</b>",
          "averyveryveryveryveryveryverylongwordindeedthatnolinecanholdbyitself",
          "&",
          '"three"',
        ].map((text, i) => ({ part: 0, start: i, end: i + 1, text, spaced: i > 0, layers: i })),
        rows: [6, 4, 3],
        exitLayer: 3,
        layers: 3,
        label: "positive",
        score: 0.93,
      },
      {
        words: Array.from({ length: 40 }, (_, i) => ({
          part: 0,
          start: 5 * i,
          end: 5 * i + 4,
          text: "word",
          spaced: true,
          layers: 1,
        })),
        rows: [42],
        exitLayer: 1,
        layers: 3,
        label: "no",
        score: 1,
      },
    ],
  };
}
