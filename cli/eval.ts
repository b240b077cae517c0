/** `taperbert eval`: a labelled file through a model: accuracy, arithmetic, milliseconds. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import {
  type Evaluation,
  evaluate,
  type LabelledText,
  largestDifference,
  type Realised,
  timeAgainstDense,
} from "../bench/evaluate.ts";
import { evaluateTruecasing } from "../bench/evaluate-truecasing.ts";
import { gflops } from "../bench/flops.ts";
import { type Paired, paired } from "../bench/paired.ts";
import type { Dials } from "../bert/dials.ts";
import { checkDtype } from "../bert/dtype.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import type { TextRow } from "../train/data.ts";
import { dataFlags, labelled, readRows } from "./data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialFlags, dialsOf, modelFlags, openModel, withModel } from "./model-flags.ts";
import { digits, percent, table, times } from "./table.ts";

const flags = {
  ...modelFlags,
  ...dataFlags,
  batch: { type: "string", value: "B", help: "texts in a forward; default 1" },
  ...dialFlags,
  against: {
    type: "string",
    value: "DIR",
    help: "also run this model dense, and compare text by text; may be DIR of --model",
  },
  "against-dtype": {
    type: "string",
    value: "NAME",
    help: "with --against: what that one computes in; default --dtype's",
  },
  "against-dials": { type: "boolean", help: "with --against: run that one with the same dials, not dense" },
  time: { type: "boolean", help: "also time the dense model on the same texts, interleaved, one text at a time" },
  runs: { type: "string", value: "R", help: "with --time: rounds per text; default 5" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert eval --model DIR --data dev.tsv --json",
  "taperbert eval --model DIR --data dev.tsv --no-skim --no-exit",
  "taperbert eval --model DIR --data dev.tsv --entropy 0.3 --limit 200 --time",
  "taperbert eval --model DIR --data dev.tsv --against DIR",
  "taperbert eval --model DIR --dtype int8 --no-skim --no-exit --data dev.tsv --against DIR --against-dtype f32",
];

const about = `A model for token classification is measured on truecasing: the case of each word of the file's texts, read in lower case. GFLOPs are per text. speedup: dense on the real length ÷ executed, overheads counted, as a ratio of sums.
paddedSpeedup: dense, each text padded to the longest of its batch of 32 (in the file's order) ÷ executed.
meanKept: rows attended to ÷ length, over the layers that a text reached. msPerText: ids to logits; tokenisation is apart.
against: accuracy minus that of the other model run dense, with a paired 95 % interval, how often both answer alike, and how
far their logits are apart at most.
realised (with --time): dense ÷ narrowed in milliseconds, from medians of interleaved rounds; realisedOfCounted: that ÷ speedup.`;

export async function evaluation(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("eval", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const dials = dialsOf(values);
  const batch = numberOf(values.batch, "batch", { least: 1, whole: true }) ?? 1;
  const runs = numberOf(values.runs, "runs", { least: 1, whole: true }) ?? 5;
  if (values.runs !== undefined && !values.time) throw new TaperError("ERR_OPTION", "--runs goes with --time.");
  const againstDtype = checkDtype(values["against-dtype"], "--against-dtype");
  const lonely = values.against === undefined && (againstDtype !== undefined || values["against-dials"]);
  if (lonely) throw new TaperError("ERR_OPTION", "--against-dtype and --against-dials go with --against.");
  const rows = await readRows("eval", values);
  await withModel("eval", values, async (model) => {
    if (model.config.task === "token-classification") {
      if (values.against !== undefined || values.time) {
        throw new TaperError("ERR_OPTION", "--against and --time are for models that classify texts.");
      }
      await evaluateCases(model, rows, dials, batch, values.json === true, io);
      return;
    }
    if (model.config.task !== "sequence-classification") {
      throw new TaperError(
        "ERR_INPUT",
        `eval needs a model for sequence-classification or truecasing; this one is for ${model.config.task}.`,
      );
    }
    const texts = labelled(rows, model.config.labels, values.data!);
    const figures = await evaluate(model, texts, dials, batch, (done) =>
      io.progress(`${done} of ${texts.length} texts`),
    );
    io.progress("");
    if (figures.truncated > 0) io.err(`taperbert: ${figures.truncated} texts were cut to what this model reads`);
    const encodings = values.time ? texts.map(({ text }) => model.encode(text)) : [];
    const timed = values.time ? await timeAgainstDense(model, encodings, dials, runs) : undefined;
    const against =
      values.against === undefined
        ? undefined
        : await compare(
            await openModel(values.against, { ...values, dtype: againstDtype ?? values.dtype }),
            values["against-dials"] ? dials : { skim: false, exit: false },
            figures,
            texts,
            batch,
          );
    if (values.json) printJson(io, { ...inJson(figures, timed, against), environment: await environment() });
    else for (const line of inWords(figures, timed, against)) io.out(line);
    if (!values.json) io.err(describeEnvironment(await environment()));
  });
  return 0;
}

/** Words' cases: the texts are their own labels. */
async function evaluateCases(
  model: Model,
  rows: readonly TextRow[],
  dials: Dials,
  batch: number,
  json: boolean,
  io: Io,
): Promise<void> {
  const texts = rows.map(({ text }) => [text].flat().join(" "));
  const figures = await evaluateTruecasing(model, texts, dials, batch, (done) =>
    io.progress(`${done} of ${texts.length} texts`),
  );
  io.progress("");
  const { words, accuracy, macroAccuracy, texts: n, speedup, paddedSpeedup, meanKept } = figures;
  const perText = { gflops: gflops(figures.macs) / n, denseGflops: gflops(figures.denseMacs) / n };
  if (json) {
    printJson(io, { n, words, accuracy, macroAccuracy, ...perText, speedup, paddedSpeedup, meanKept });
    return;
  }
  const lines = table([
    ["texts", String(n)],
    ["words asked", String(words)],
    ["accuracy", percent(accuracy)],
    ["mean of the cases' own accuracies", percent(macroAccuracy)],
    ["GFLOPs per text", digits(perText.gflops)],
    ["dense GFLOPs per text, real length", digits(perText.denseGflops)],
    ["speed-up against dense, real length", times(speedup)],
    ["speed-up against dense, padded in batches of 32", times(paddedSpeedup)],
    ["mean share of rows kept", percent(meanKept)],
  ]);
  for (const line of lines) io.out(line);
}

interface Against extends Paired {
  /** The other model's accuracy. */
  readonly accuracy: number;
  /** The largest |difference| between the two models' logits. */
  readonly largestLogitDifference: number;
}

async function compare(
  other: Model,
  dials: Dials,
  { answers, logits }: Evaluation,
  texts: readonly LabelledText[],
  batch: number,
): Promise<Against> {
  try {
    const its = await evaluate(other, texts, dials, batch);
    const truth = texts.map(({ label }) => label);
    const largestLogitDifference = largestDifference(logits, its.logits);
    return { accuracy: its.accuracy, ...paired(answers, its.answers, truth), largestLogitDifference };
  } finally {
    await other.dispose();
  }
}

function inJson(figures: Evaluation, timed: Realised | undefined, against: Against | undefined): object {
  return {
    n: figures.texts,
    accuracy: figures.accuracy,
    gflops: gflops(figures.macs) / figures.texts,
    denseGflops: gflops(figures.denseMacs) / figures.texts,
    overheadGflops: gflops(figures.overheadMacs) / figures.texts,
    speedup: figures.speedup,
    paddedSpeedup: figures.paddedSpeedup,
    meanExitLayer: figures.meanExitLayer,
    meanKept: figures.meanKept,
    msPerText: figures.msPerText,
    tokeniseMsPerText: figures.tokeniseMsPerText,
    meanLength: figures.tokens / figures.texts,
    truncated: figures.truncated,
    ...(against && { against }),
    ...(timed && { timed: { ...timed, realisedOfCounted: timed.realised / figures.speedup } }),
  };
}

function inWords(figures: Evaluation, timed: Realised | undefined, against: Against | undefined): string[] {
  const n = figures.texts;
  const rows = [
    ["texts", String(n)],
    ["accuracy", percent(figures.accuracy)],
    ["GFLOPs per text", digits(gflops(figures.macs) / n)],
    ["  of which predictors and exit heads", digits(gflops(figures.overheadMacs) / n)],
    ["dense GFLOPs per text, real length", digits(gflops(figures.denseMacs) / n)],
    ["speed-up against dense, real length", times(figures.speedup)],
    ["speed-up against dense, padded in batches of 32", times(figures.paddedSpeedup)],
    ["mean exit layer", figures.meanExitLayer.toFixed(2)],
    ["mean share of rows kept", percent(figures.meanKept)],
    ["ms per text, ids to logits", digits(figures.msPerText)],
    ["ms per text, tokenisation", digits(figures.tokeniseMsPerText)],
  ];
  if (against !== undefined) {
    const points = (share: number): string => `${share < 0 ? "" : "+"}${(100 * share).toFixed(2)}`;
    rows.push(["the other model: accuracy", percent(against.accuracy)]);
    rows.push([
      "difference in points (paired 95 % interval)",
      `${points(against.difference)} (${points(against.low)} … ${points(against.high)})`,
    ]);
    rows.push(["answers alike", `${(100 * against.agreement).toFixed(2)} %`]);
    rows.push(["largest difference of logits", digits(against.largestLogitDifference)]);
  }
  if (timed !== undefined) {
    rows.push(["ms per text, alone, interleaved", digits(timed.msPerText)]);
    rows.push(["ms per text, alone, interleaved, dense", digits(timed.denseMsPerText)]);
    rows.push(["realised speed-up", times(timed.realised)]);
    rows.push(["realised ÷ counted", (timed.realised / figures.speedup).toFixed(3)]);
  }
  return table(rows);
}
