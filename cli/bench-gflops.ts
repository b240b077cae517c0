/** `taperbert bench gflops`: what texts of yours execute, by layer and part, against two dense baselines, each named. */
import { type Breakdown, breakdown, type LayerWork, type LengthBucket, type Work } from "../bench/breakdown.ts";
import { type Totals, totalsOf } from "../bench/executed.ts";
import { gflops } from "../bench/flops.ts";
import { type PartName, partNames, partTitles } from "../bench/operations.ts";
import { scheduledTrace } from "../bench/schedule.ts";
import { checkDtype } from "../bert/dtype.ts";
import { loadModel } from "../bert/load.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import type { Trace } from "../bert/trace.ts";
import { TaperError } from "../engine/errors.ts";
import { counting } from "../kernels/counting.ts";
import { benchFlags, benchTexts, checkBenchFlags, describeSchedule, scheduleOf } from "./bench-flags.ts";
import { commonFlags, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialsOf, openBackend } from "./model-flags.ts";
import { type Described, describe } from "./shape-flags.ts";
import { digits, percent, table, times } from "./table.ts";

const flags = { ...benchFlags, ...commonFlags };

const examples = [
  "taperbert bench gflops --model DIR --data dev.tsv",
  "taperbert bench gflops --model DIR --data reviews.txt --entropy 0.3 --json",
  "taperbert bench gflops --shape base --tokens 51 --predictor-width 768 --skim-schedule 0.9,0.78,0.67,0.59",
];

const counted = "1 MAC = 2 FLOPs; products only";
const notCounted =
  "not counted: tokenisation, look-ups, copying of rows that stay or leave, comparisons with thresholds, the final softmax";

const about = `Sums over all texts; ${counted}. "dense" is the model on each text's real length; "padded" pads each text to the longest
of its batch of 32, in the file's order. Executed counts predictors and exit heads. Element-wise work (values that normalisations,
activations, exponentials, biases and residuals touch) is a column of its own, outside every ratio.
${notCounted}.
With --model every operation that runs is counted as well, and must come to what the formula says. A shape is counted by formula and
narrows only as --skim-schedule says.`;

/** What a real forward's counter found; the formula must agree. */
interface Verified {
  readonly macs: number;
  readonly elements: number;
}

export async function benchGflops(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench gflops", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  checkBenchFlags("bench gflops", values);
  const described = await describe("bench gflops", values);
  const { config, taper, name } = described;
  const { texts } = await benchTexts("bench gflops", values, described);
  const { traces, verified } = await tracesOf(described, values, texts, io);
  const totals = totalsOf(traces, config);
  const work = breakdown(traces, config, taper.skim?.predictorWidth ?? 0);
  if (verified) checkFormula(work.total, verified);
  const basis = verified ? "executed" : "formula and schedule";
  const schedule = describeSchedule(described, scheduleOf(values, config.layers));
  if (values.json) {
    const header = {
      model: name,
      basis,
      schedule,
      unit: `10⁹; ${counted}`,
      notCounted,
      verified: verified !== undefined,
    };
    printJson(io, { ...header, ...inGflops(totals), ...breakdownInJson(work) });
    return 0;
  }
  io.out(
    `${name}: ${totals.texts} text${totals.texts === 1 ? "" : "s"}, ${totals.tokens} tokens, ${basis}; ${counted}`,
  );
  if (schedule !== undefined) io.out(schedule);
  for (const line of inWords(totals, work)) io.out(line);
  if (verified)
    io.out(`\nformula = executed: ${verified.macs} MACs and ${verified.elements} element-wise, counted as they ran`);
  io.out(notCounted);
  return 0;
}

async function tracesOf(
  { directory, config, taper }: Described,
  values: Values<typeof benchFlags>,
  texts: readonly TokenIds[],
  io: Io,
): Promise<{ traces: Trace[]; verified?: Verified }> {
  if (directory === undefined) {
    const shares = scheduleOf(values, config.layers) ?? new Array<number>(config.layers).fill(1);
    return { traces: texts.map(({ ids }) => scheduledTrace(ids.length, shares, config, taper)) };
  }
  const dials = dialsOf(values);
  const backend = counting((await openBackend(values)).backend);
  const model = await loadModel(directory, { backend, dtype: checkDtype(values.dtype, "--dtype") });
  try {
    const traces: Trace[] = [];
    backend.reset();
    for (const text of texts) {
      const { trace } = await model.forwardEncodings([text], dials);
      traces.push(trace[0]);
      io.progress(`${traces.length} of ${texts.length} texts`);
    }
    io.progress("");
    const { macs, elements } = backend.totals;
    return { traces, verified: { macs, elements } };
  } finally {
    await model.dispose();
  }
}

/** Throws ERR_BACKEND if what ran is not what the formula says: no table may stand on such a formula. */
function checkFormula({ executed, elements }: Work, verified: Verified): void {
  if (executed === verified.macs && elements === verified.elements) return;
  throw new TaperError(
    "ERR_BACKEND",
    `bench gflops: the formula says ${executed} MACs and ${elements} element-wise, the kernels ran ${verified.macs} and ${verified.elements}; please report this.`,
  );
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

const workInJson = ({ executed, dense, padded, elements }: Work): object => ({
  gmacs: executed / 1e9,
  gflops: gflops(executed),
  denseGflops: gflops(dense),
  paddedGflops: gflops(padded),
  elementwise: elements / 1e9,
});

const partsInJson = (parts: Readonly<Partial<Record<PartName, Work>>>): object =>
  Object.fromEntries(Object.entries(parts).map(([name, work]) => [name, workInJson(work)]));

function breakdownInJson({ parts, layers, encoder, overhead, total, buckets }: Breakdown): object {
  return {
    total: workInJson(total),
    encoder: workInJson(encoder),
    overhead: workInJson(overhead),
    parts: partsInJson(parts),
    layers: layers.map(({ layer, attended, fed, answered, parts: own, ...work }) => {
      return { layer, attended, fed, answered, ...workInJson(work), parts: partsInJson(own) };
    }),
    lengths: buckets.map(({ from, to, texts, tokens, ...work }) => ({ from, to, texts, tokens, ...workInJson(work) })),
  };
}

function inWords(totals: Totals, { parts, layers, encoder, total, buckets }: Breakdown): string[] {
  return [
    ...partTable(parts, encoder, total),
    "",
    ...layerTable(layers, totals.tokens),
    "",
    ...lengthTable(buckets),
    "",
    ...table([
      ["executed, predictors and heads included", `${digits(gflops(totals.macs))} GFLOPs`, ""],
      ["dense, real length", `${digits(gflops(totals.denseMacs))} GFLOPs`, times(totals.speedup)],
      ["dense, padded in batches of 32", `${digits(gflops(totals.paddedMacs))} GFLOPs`, times(totals.paddedSpeedup)],
    ]),
  ];
}

const columns = ["GMACs", "GFLOPs", "dense", "padded", "real ÷", "padded ÷", "element-wise"];

function workCells({ executed, dense, padded, elements }: Work): string[] {
  const ratio = (base: number): string => (executed > 0 && base > 0 ? times(base / executed) : "–");
  const all = [executed / 1e9, gflops(executed), gflops(dense), gflops(padded)].map(digits);
  return [...all, ratio(dense), ratio(padded), digits(elements / 1e9)];
}

/** In the order of a forward, the encoder's subtotal after its parts. */
function partTable(parts: Breakdown["parts"], encoder: Work, total: Work): string[] {
  const rowOf = (name: PartName): string[] => [partTitles[name], ...workCells(parts[name])];
  const inner: readonly PartName[] = ["qkv", "scores", "mix", "attentionOut", "feedForward"];
  const outer = partNames.filter((name) => name !== "embeddings" && !inner.includes(name));
  return table([
    ["part", ...columns],
    rowOf("embeddings"),
    ...inner.map(rowOf),
    ["= encoder", ...workCells(encoder)],
    ...outer.map(rowOf),
    ["= total", ...workCells(total)],
  ]);
}

function layerTable(layers: readonly LayerWork[], tokens: number): string[] {
  const heading = ["layer", "rows", "share", "answered", ...columns];
  const rows = layers.map((layer) => [
    String(layer.layer),
    String(layer.attended),
    percent(layer.attended / tokens),
    String(layer.answered),
    ...workCells(layer),
  ]);
  return table([heading, ...rows]);
}

function lengthTable(buckets: readonly LengthBucket[]): string[] {
  const rows = buckets.map((bucket) => [
    `${bucket.from}–${bucket.to}`,
    String(bucket.texts),
    String(bucket.tokens),
    ...workCells(bucket),
  ]);
  return table([["tokens", "texts", "tokens in all", ...columns], ...rows]);
}
