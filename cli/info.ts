/** `taperbert info`: what computes here and why; with --model, what that model is and can do. */

import { describeEnvironment, environment } from "../bench/environment.ts";
import { infoOf } from "../bert/choose-backend.ts";
import { checkDtype, type Dtype } from "../bert/dtype.ts";
import { readConfigs } from "../bert/load.ts";
import { commonFlags, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { modelFlags, openBackend } from "./model-flags.ts";

const flags = { ...modelFlags, ...commonFlags };

const examples = ["taperbert info", "taperbert info --json", "taperbert info --model DIR"];

const about =
  "Says which backend a model would run on and why, and, of a model directory, its shape, its parts and its dials.";

export async function info(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("info", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const dtype = checkDtype(values.dtype, "--dtype");
  const chosen = await openBackend(values);
  const here = infoOf(chosen);
  chosen.backend.dispose();
  const model = values.model === undefined ? undefined : await describeModel(values.model, dtype);
  const where = await environment();
  if (values.json) {
    printJson(io, { ...here, environment: where, ...(model && { model }) });
    return 0;
  }
  io.out(`backend  ${here.backend}: ${here.why}`);
  io.out(`build    ${here.variant}: ${here.variantWhy}`);
  io.out(`threads  ${here.threads}: ${here.threadsWhy}`);
  io.out(`machine  ${describeEnvironment(where)}`);
  if (model === undefined) return 0;
  const { layers, d, h, f, vocabulary, maxPositions } = model.shape;
  const { predictorWidth, attentionThresholds, exitHeads } = model.parts;
  io.out(`model    ${values.model}: ${model.task}, ${model.labels.join(" / ")}`);
  io.out(
    `shape    ${layers} layers, hidden ${d}, ${h} heads, feed-forward ${f}; ${vocabulary} tokens, ${maxPositions} positions`,
  );
  io.out(
    `skims    ${predictorWidth > 0 ? `predictors of width ${predictorWidth}` : "no predictors"}; ${attentionThresholds === undefined ? "no attention thresholds" : `attention thresholds ${attentionThresholds.join(", ")}`}`,
  );
  io.out(`dtype    ${model.dtype}${model.stored === "int8" ? ", stored so" : ""}`);
  io.out(`exits    ${exitHeads ? `a head after each of ${layers - 1} layers` : "no heads"}`);
  io.out(`dials    ${JSON.stringify(model.dials)}`);
  return 0;
}

/** From the two configurations alone; the checkpoint is not read. */
async function describeModel(directory: string, dtype: Dtype | undefined) {
  const { config, taper } = await readConfigs(directory);
  const stored = taper.quantization?.dtype ?? "f32";
  const { layers, d, h, f, vocabulary, maxPositions, types } = config;
  return {
    directory,
    task: config.task,
    labels: config.labels,
    shape: { layers, d, h, f, vocabulary, maxPositions, types },
    parts: {
      predictorWidth: taper.skim?.predictorWidth ?? 0,
      attentionThresholds: taper.skim?.attentionThresholds,
      exitHeads: taper.exit?.heads ?? false,
    },
    dtype: dtype ?? stored,
    stored,
    dials: taper.dials ?? { skim: false, exit: false },
  };
}
