/** `taperbert bench latency`: milliseconds of one text at a time, dense and narrowed and at worst, interleaved. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { type LatencyReport, latency, type TimedText, type Way, worstCase } from "../bench/latency.ts";
import { randomModel } from "../bench/random-model.ts";
import { scheduledTrace } from "../bench/schedule.ts";
import type { ChosenBackend } from "../bert/choose-backend.ts";
import type { Abilities, Dials } from "../bert/dials.ts";
import { checkDtype } from "../bert/dtype.ts";
import type { Model } from "../bert/model.ts";
import { benchFlags, benchTexts, checkBenchFlags, scheduleOf } from "./bench-flags.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialsOf, openBackend, openModel } from "./model-flags.ts";
import { type Described, describe } from "./shape-flags.ts";
import { digits, table, times } from "./table.ts";

const flags = {
  ...benchFlags,
  runs: { type: "string", value: "R", help: "rounds per text; default 5" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench latency --model DIR --data dev.tsv --limit 100",
  "taperbert bench latency --shape base --tokens 128 --predictor-width 64 --exit-heads",
  "taperbert bench latency --shape base --tokens 128 --skim-schedule 0.9,0.8,0.7,0.6,0.5 --json",
];

const about = `From ids to logits, one text at a time; tokenisation apart. p50 and p90 are over all texts and rounds; the ratios are dense ÷ each,
sums over texts of the medians of their rounds. "worst" pays for every predictor and exit head and gains nothing. --shape has random
weights, which neither skim nor exit: it narrows only as --skim-schedule says, by replaying those decisions.`;

const dense: Dials = { skim: false, exit: false };

export async function benchLatency(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench latency", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  checkBenchFlags("bench latency", values);
  const runs = numberOf(values.runs, "runs", { least: 1, whole: true }) ?? 5;
  const described = await describe("bench latency", values);
  const { texts, tokeniseMs } = await benchTexts("bench latency", values, described);
  const chosen = await openBackend(values);
  const model = await modelOf(described, values, chosen);
  const { name: backend, variant } = model.backend;
  const { dtype } = model;
  let report: LatencyReport<string>;
  try {
    const ways = waysOf(described, values, texts, model.abilities);
    report = await latency(model, texts, ways, runs, (done) => io.progress(`${done} of ${texts.length} texts`));
    io.progress("");
  } finally {
    await model.dispose();
  }
  const weights = described.directory === undefined ? "random" : "trained";
  const where = await environment();
  if (values.json) {
    const header = {
      model: described.name,
      weights,
      dtype,
      backend,
      variant,
      variantWhy: chosen.variantWhy,
      tokeniseMsPerText: tokeniseMs,
    };
    printJson(io, { ...header, ...report, environment: where });
    return 0;
  }
  io.out(`${described.name}: ${report.texts} texts, ${runs} rounds, ${backend} (${variant}), ${dtype}; milliseconds`);
  if (weights === "random") io.out("random weights: only the milliseconds mean anything");
  for (const line of inWords(report)) io.out(line);
  if (tokeniseMs !== undefined) io.out(`\ntokenisation apart: ${digits(tokeniseMs)} ms per text`);
  io.err(describeEnvironment(where));
  return 0;
}

/** Dense first: the others are compared with it. A way that would be the same as another is left out. */
function waysOf(
  { directory, config, taper }: Described,
  values: Values<typeof flags>,
  texts: readonly TimedText[],
  abilities: Abilities,
): Record<string, Way> {
  const worst = worstCase(abilities);
  const hasParts = Object.values(abilities).includes(true);
  const ways: Record<string, Way> = { dense: () => dense };
  if (directory !== undefined) {
    const dials = dialsOf(values);
    ways.narrowed = () => dials;
  }
  const shares = scheduleOf(values, config.layers);
  if (shares !== undefined) {
    const replays = texts.map(({ ids }) => [scheduledTrace(ids.length, shares, config, taper)]);
    ways.scheduled = (t) => ({ ...(hasParts ? worst : dense), replay: replays[t] });
  }
  if (hasParts) ways.worst = () => worst;
  return ways;
}

async function modelOf(
  { directory, config, taper }: Described,
  values: Values<typeof flags>,
  chosen: ChosenBackend,
): Promise<Model> {
  if (directory !== undefined) return openModel(directory, values, chosen);
  return randomModel(config, taper, chosen.backend, 1, checkDtype(values.dtype, "--dtype"));
}

function inWords({ ways }: LatencyReport<string>): string[] {
  const rows = Object.entries(ways).map(([name, { p50, p90, msPerText, speedup }]) => [
    name,
    digits(p50),
    digits(p90),
    digits(msPerText),
    times(speedup),
  ]);
  return table([["", "p50", "p90", "per text", "dense ÷ it"], ...rows]);
}
