/** `taperbert pareto`: what a model can trade at every setting of its dials, drawn and timed; on request the best setting becomes its default. */
import { type DialGrid, usualGrid } from "../bench/dial-sweep.ts";
import { describeEnvironment, environment } from "../bench/environment.ts";
import {
  chooseSetting,
  inWords,
  type ParetoPoint,
  type ParetoReport,
  paretoChart,
  paretoReport,
  spread,
  sweepDials,
  type TimedPoint,
  timePoints,
} from "../bench/pareto.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import { dialDataFlags, readDialTexts, writeDials } from "./dial-data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson, schemaVersion } from "./io.ts";
import { modelFlags, withModel } from "./model-flags.ts";
import { digits, percent, table, times } from "./table.ts";

export const gridFlags = {
  "keep-thresholds": { type: "string", value: "T,T,…", help: "of skim predictors; default a grid from -2 to 2" },
  "attention-thresholds": { type: "string", value: "T,T,…", help: "scales of θ; default a grid from 0.25 to 4" },
  entropies: {
    type: "string",
    value: "T,T,…",
    help: "default a grid from 0.01 to 0.95; alone, and with each patience",
  },
  patiences: { type: "string", value: "K,K,…", help: "default 2 to 6; of each of these: none" },
} as const satisfies Flags;

const flags = {
  ...modelFlags,
  ...dialDataFlags,
  ...gridFlags,
  baselines: { type: "boolean", help: "also exits by layer number alone, and random dropping of as many tokens" },
  "timed-texts": { type: "string", value: "N", help: "time the front on the first N texts; default 100; 0: do not" },
  "timed-points": { type: "string", value: "N", help: "at most N members of the front; default 8" },
  runs: { type: "string", value: "R", help: "rounds of the timing; default 5" },
  out: { type: "string", value: "PATH", help: "write PATH.json and PATH.svg" },
  speedup: {
    type: "string",
    value: "X",
    help: "make the most accurate setting that saves X times the MACs the model's default",
  },
  both: { type: "boolean", help: "with --speedup: a setting at which tokens are skimmed and texts exit" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert pareto --model DIR --data held-out.tsv --out runs/front",
  "taperbert pareto --model DIR --data held-out.tsv --words 12 --speedup 4.5",
  "taperbert pareto --model DIR --data test.tsv --baselines --timed-texts 0 --json",
];

const about = `Every way of skimming runs once, with all exit heads asked; exits are then found from the stored logits. The front: settings
that no other is both as accurate and as cheap as. speedup: dense on the real length ÷ executed, overheads counted, as a ratio of sums.
realised: the same in milliseconds, one text at a time, interleaved with the dense model. --speedup writes taperbert.json; use texts for it
that were neither trained on nor will be reported on.`;

/** The grid that flags ask for, the usual one for what they leave out. Throws ERR_OPTION. */
export function gridOf(values: { readonly [K in keyof typeof gridFlags]?: string | undefined }): DialGrid {
  // Files that keep dials know no infinite numbers.
  const finite = { least: -Number.MAX_VALUE, most: Number.MAX_VALUE };
  const list = (flag: keyof typeof gridFlags, range: Parameters<typeof numberOf>[2], otherwise: readonly number[]) => {
    const given = values[flag];
    if (given === undefined) return otherwise;
    return given === "none" ? [] : given.split(",").map((value) => numberOf(value, flag, range) as number);
  };
  return {
    keepThresholds: list("keep-thresholds", finite, usualGrid.keepThresholds),
    attentionThresholds: list("attention-thresholds", { ...finite, least: 0 }, usualGrid.attentionThresholds),
    entropies: list("entropies", { least: 0, most: 1 }, usualGrid.entropies),
    patiences: list("patiences", { least: 1, whole: true }, usualGrid.patiences),
  };
}

export async function pareto(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("pareto", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const grid = gridOf(values);
  const whole = (flag: "timed-texts" | "timed-points" | "runs", least: number, otherwise: number): number =>
    numberOf(values[flag], flag, { least, whole: true }) ?? otherwise;
  const [timedTexts, timedPoints, runs] = [
    whole("timed-texts", 0, 100),
    whole("timed-points", 1, 8),
    whole("runs", 1, 5),
  ];
  const speedup = numberOf(values.speedup, "speedup", { least: 1 });
  if (values.both && speedup === undefined) throw new TaperError("ERR_OPTION", "--both goes with --speedup.");
  await withModel("pareto", values, async (model, directory) => {
    const { texts, labels } = await readDialTexts("pareto", values, model);
    if (labels === undefined) throw new TaperError("ERR_DATA", `${values.data}: expected labels; accuracy needs them.`);
    const progress = (line: string): void => io.progress(line);
    const swept = await sweepDials(model, texts, { grid, baselines: values.baselines, progress });
    const report = paretoReport(swept, labels);
    const chosen =
      speedup === undefined ? undefined : chooseSetting(swept, labels, { speedup, both: values.both ?? false });
    io.progress("timing");
    const shown = spread(report.front, timedPoints);
    const timed = timedTexts === 0 ? [] : await timePoints(model, texts.slice(0, timedTexts), shown, runs);
    io.progress("");
    const where = await environment();
    const result = { ...report, timed, ...(chosen && { chosen }), environment: where };
    if (values.out !== undefined) {
      await writeFileAtomically(`${values.out}.json`, `${JSON.stringify({ schemaVersion, ...result }, null, 2)}\n`);
      await writeFileAtomically(`${values.out}.svg`, paretoChart(report, `${directory} on ${values.data}`));
    }
    if (chosen !== undefined) await writeDials(directory, chosen.dials);
    if (values.json) {
      printJson(io, result);
      return;
    }
    for (const line of lines(report, timed)) io.out(line);
    if (chosen !== undefined) io.out(`\n${directory}/taperbert.json: ${inWords(chosen)}`);
    io.err(describeEnvironment(where));
  });
  return 0;
}

function lines({ texts, settings, dense, front, baselines }: ParetoReport, timed: readonly TimedPoint[]): string[] {
  const realised = new Map(timed.map((point) => [inWords(point), point]));
  const row = (name: string, point: ParetoPoint): string[] => {
    const found = realised.get(inWords(point));
    return [
      name,
      percent(point.accuracy),
      percent(point.agreement),
      digits(point.gflops),
      times(point.speedup),
      found ? digits(found.ms) : "",
      found ? times(found.realised) : "",
    ];
  };
  const head = ["", "accuracy", "as dense", "GFLOPs", "fewer", "ms", "faster"];
  return [
    `${texts} texts, ${settings} settings, ${front.length} on the front`,
    ...table([
      head,
      row("dense", dense),
      ...front.map((point) => row(inWords(point), point)),
      ...baselines.map((point) =>
        row(`${point.series === "random" ? "random dropping as at " : ""}${inWords(point)}`, point),
      ),
    ]),
  ];
}
