/** `taperbert bench gflops`: what texts of yours execute, by layer, against two dense baselines, each named. */
import { type LayerTotals, type Totals, totalsByLayer, totalsOf } from "../bench/executed.ts";
import { gflops } from "../bench/flops.ts";
import type { TimedText } from "../bench/latency.ts";
import { scheduledTrace } from "../bench/schedule.ts";
import type { Trace } from "../bert/trace.ts";
import { benchFlags, benchTexts, checkBenchFlags, scheduleOf } from "./bench-flags.ts";
import { commonFlags, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialsOf, openModel } from "./model-flags.ts";
import { type Described, describe } from "./shape-flags.ts";
import { digits, percent, table, times } from "./table.ts";

const flags = { ...benchFlags, ...commonFlags };

const examples = [
  "taperbert bench gflops --model DIR --data dev.tsv",
  "taperbert bench gflops --model DIR --data reviews.txt --entropy 0.3 --json",
  "taperbert bench gflops --shape base --tokens 51 --predictor-width 768 --skim-schedule 0.9,0.78,0.67,0.59",
];

const about = `Sums over all texts. "dense" is the model on each text's real length; "padded" pads each text to the longest of its batch
of 32, in the file's order. Executed counts predictors and exit heads. A shape is counted by formula and narrows only as
--skim-schedule says.`;

export async function benchGflops(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench gflops", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  checkBenchFlags("bench gflops", values);
  const described = await describe("bench gflops", values);
  const { texts } = await benchTexts("bench gflops", values, described);
  const traces = await tracesOf(described, values, texts, io);
  const { config, taper, name } = described;
  const totals = totalsOf(traces, config);
  const layers = totalsByLayer(traces, config, taper.skim?.predictorWidth ?? 0);
  const basis = described.directory === undefined ? "formula and schedule" : "executed";
  if (values.json) printJson(io, { model: name, basis, ...inGflops(totals), layers: layers.map(layerInGflops) });
  else for (const line of inWords(name, basis, totals, layers)) io.out(line);
  return 0;
}

async function tracesOf(
  { directory, config, taper }: Described,
  values: Values<typeof benchFlags>,
  texts: readonly TimedText[],
  io: Io,
): Promise<Trace[]> {
  if (directory === undefined) {
    const shares = scheduleOf(values, config.layers) ?? new Array<number>(config.layers).fill(1);
    return texts.map(({ ids }) => scheduledTrace(ids.length, shares, config, taper));
  }
  const dials = dialsOf(values);
  const model = await openModel(directory, values);
  try {
    const traces: Trace[] = [];
    for (const { ids, segments } of texts) {
      const { trace } = await model.forward([ids], { segments: [segments], ...dials });
      traces.push(trace[0]);
      io.progress(`${traces.length} of ${texts.length} texts`);
    }
    io.progress("");
    return traces;
  } finally {
    await model.dispose();
  }
}

function inGflops(totals: Totals): object {
  return {
    n: totals.texts,
    tokens: totals.tokens,
    gflops: gflops(totals.macs),
    overheadGflops: gflops(totals.overheadMacs),
    denseGflops: gflops(totals.denseMacs),
    paddedGflops: gflops(totals.paddedMacs),
    speedup: totals.speedup,
    paddedSpeedup: totals.paddedSpeedup,
    meanExitLayer: totals.meanExitLayer,
    meanKept: totals.meanKept,
  };
}

function layerInGflops({ layer, attended, fed, answered, ...macs }: LayerTotals): object {
  return {
    layer,
    attended,
    fed,
    answered,
    gflops: gflops(macs.executed),
    overheadGflops: gflops(macs.overhead),
    denseGflops: gflops(macs.dense),
    paddedGflops: gflops(macs.padded),
  };
}

function inWords(name: string, basis: string, totals: Totals, layers: readonly LayerTotals[]): string[] {
  const heading = ["layer", "rows", "share", "answered", "executed", "overhead", "dense", "padded"];
  const rows = layers.map((layer) => [
    String(layer.layer),
    String(layer.attended),
    percent(layer.attended / totals.tokens),
    String(layer.answered),
    digits(gflops(layer.executed)),
    digits(gflops(layer.overhead)),
    digits(gflops(layer.dense)),
    digits(gflops(layer.padded)),
  ]);
  return [
    `${name}: ${totals.texts} texts, ${totals.tokens} tokens; GFLOPs, ${basis}`,
    ...table([heading, ...rows]),
    "",
    ...table([
      ["executed, with heads", `${digits(gflops(totals.macs))} GFLOPs`, ""],
      ["dense, real length", `${digits(gflops(totals.denseMacs))} GFLOPs`, times(totals.speedup)],
      ["dense, padded in batches of 32", `${digits(gflops(totals.paddedMacs))} GFLOPs`, times(totals.paddedSpeedup)],
    ]),
  ];
}
