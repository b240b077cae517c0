/** `taperbert calibrate`: the fastest dials whose loss against the full model is certified, written with their certificate. */
import { type Certified, type CertifyOptions, certify } from "../bench/certify.ts";
import { inWords, sweepDials } from "../bench/pareto.ts";
import type { Dials } from "../bert/dials.ts";
import { readConfigs } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import { type DialTexts, dialDataFlags, readDialTexts, writeDials } from "./dial-data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { modelFlags, openModel, withModel } from "./model-flags.ts";
import { gridFlags, gridOf } from "./pareto.ts";
import { percent, times } from "./table.ts";

export const certifyFlags = {
  "max-drop": { type: "string", value: "X", help: "the share of answers that may be lost; default 0.01" },
  delta: { type: "string", value: "D", help: "the probability that more are lost after all; default 0.1" },
  seed: { type: "string", value: "N", help: "of the halves; default 1" },
} as const satisfies Flags;

const flags = {
  ...modelFlags,
  ...dialDataFlags,
  ...certifyFlags,
  against: { type: "string", value: "DIR", help: "the full model, run dense; default: the model itself" },
  ...gridFlags,
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert calibrate --model DIR --data held-out.tsv",
  "taperbert calibrate --model DIR --data held-out.tsv --max-drop 0.005 --delta 0.05",
  "taperbert calibrate --model DIR --data texts.txt --json",
];

const about = `Pareto Testing: on half of the texts the front of (answers lost, cost) is found; on the other half its members are tested, the
safest first, by the exact binomial test, until one fails; the fastest that passed becomes the model's default. An answer is lost if the
full model has it right and the fast one does not. Without labels every answer that differs counts as lost. The texts must not have been
trained on, and must be like those to come. Exit code 1: nothing faster than the full model can be certified; nothing is written.`;

export function certifyOptionsOf(values: Values<typeof certifyFlags>): CertifyOptions {
  return {
    maxDrop: numberOf(values["max-drop"], "max-drop", { least: 0 }) ?? 0.01,
    delta: numberOf(values.delta, "delta", { least: 0 }) ?? 0.1,
    seed: numberOf(values.seed, "seed", { least: 0, whole: true }) ?? 1,
  };
}

export async function calibrate(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("calibrate", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const [grid, options] = [gridOf(values), certifyOptionsOf(values)];
  return withModel("calibrate", values, async (model, directory) => {
    const stored = (await readConfigs(directory)).taper.quantization?.dtype ?? "f32";
    if (model.dtype !== stored) {
      throw new TaperError(
        "ERR_OPTION",
        `calibrate: what is certified is the model as it is stored, in ${stored}; leave --dtype out, or quantise it first.`,
      );
    }
    const read = await readDialTexts("calibrate", values, model);
    const full = values.against === undefined ? undefined : await openModel(values.against, values);
    try {
      const progress = (line: string): void => io.progress(line);
      if (full && full.config.labels.join("\n") !== model.config.labels.join("\n")) {
        throw new TaperError(
          "ERR_INPUT",
          `--against: expected a model of the labels ${model.config.labels.join(", ")}; found ${full.config.labels.join(", ")}.`,
        );
      }
      const other = full && { model: full, texts: (await readDialTexts("calibrate", values, full)).texts };
      return tell(
        await certified(model, other, read, { grid, options, progress }),
        directory,
        values.json === true,
        io,
      );
    } finally {
      await full?.dispose();
    }
  });
}

export interface CertifiedDials extends Certified {
  readonly dials: Dials;
}

/** Sweeps and certifies; `full` left out is the model itself, dense. Its texts are the same, as its own tokenizer reads them. */
export async function certified(
  model: Model,
  full: { readonly model: Model; readonly texts: DialTexts["texts"] } | undefined,
  { texts, labels }: DialTexts,
  how: {
    readonly grid: ReturnType<typeof gridOf>;
    readonly options: CertifyOptions;
    readonly progress: (line: string) => void;
  },
): Promise<CertifiedDials | undefined> {
  const swept = await sweepDials(model, texts, how);
  const none = { keepThresholds: [], attentionThresholds: [], entropies: [], patiences: [] };
  const other = full && (await sweepDials(full.model, full.texts, { grid: none })).full;
  // Without a model to compare with, the dense setting is the comparison and proves nothing.
  const points = other === undefined ? swept.points.slice(1) : swept.points;
  const found = certify(points, other ?? swept.full, labels, how.options);
  return found && { ...found, dials: points[found.point].dials };
}

/** Writes what was certified and says so; returns the exit code. */
export async function tell(
  found: CertifiedDials | undefined,
  directory: string,
  json: boolean,
  io: Io,
): Promise<number> {
  if (found === undefined) {
    if (json) printJson(io, { certified: false });
    else io.out("nothing faster than the full model can be certified; no dials were written");
    return 1;
  }
  const { dials, certificate } = found;
  await writeDials(directory, dials, certificate);
  if (json) printJson(io, { certified: true, dials, certificate });
  else {
    const { errors, texts, bound, speedup, loss, delta } = certificate;
    io.out(`${directory}/taperbert.json: ${inWords({ dials })}`);
    io.out(`${times(speedup)} fewer GFLOPs than the full model, real length`);
    io.out(`${loss}: ${errors} of ${texts} tested; at most ${percent(bound)} with confidence ${percent(1 - delta)}`);
  }
  return 0;
}
