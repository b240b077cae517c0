/** From flags to what a bench of milliseconds is about: the model or shape, the texts with their labels, and the ways to run them. */
import { randomModel } from "../bench/random-model.ts";
import { type Subject, scheduledWays, trainedWays } from "../bench/subject.ts";
import type { OpenModel } from "../bench/ways.ts";
import { checkDtype } from "../bert/dtype.ts";
import { loadModel } from "../bert/load.ts";
import type { TextRow } from "../train/data.ts";
import { type BenchTexts, type benchFlags, benchTexts, describeSchedule, scheduleOf } from "./bench-flags.ts";
import { labelled } from "./data.ts";
import type { Values } from "./flags.ts";
import { dialsOf, openBackend } from "./model-flags.ts";
import { type Described, describe } from "./shape-flags.ts";

/** Rows of a file that benches of milliseconds read unless --limit says otherwise. */
export const defaultRows = 200;

export async function subjectOf(command: string, values: Values<typeof benchFlags>): Promise<Subject> {
  const described = await describe(command, values);
  const { directory, config, taper, name } = described;
  const read = await benchTexts(command, values, described, defaultRows);
  const shares = scheduleOf(values, config.layers);
  const note = describeSchedule(described, shares);
  return {
    name,
    ...(directory !== undefined && { directory }),
    config,
    taper,
    ...textsOf(read, described, values.data),
    open: opener(described, values),
    ways:
      directory === undefined
        ? scheduledWays(config, taper, read.texts, shares)
        : trainedWays(config, taper, dialsOf(values)),
    ...(note !== undefined && { note }),
  };
}

function textsOf(
  { texts, rows, encode }: BenchTexts,
  { directory, config }: Described,
  file: string | undefined,
): Pick<Subject, "texts" | "source" | "labels" | "encode"> {
  if (rows === undefined || encode === undefined) return { texts };
  const judges = directory !== undefined && config.task === "sequence-classification";
  const labels = judges && hasLabels(rows) ? labelled(rows, config.labels, file!).map(({ label }) => label) : undefined;
  return { texts, encode, source: rows.map(({ text }) => text), ...(labels && { labels }) };
}

/** A file where some rows have labels must have them all: `labelled` refuses the rest. */
const hasLabels = (rows: readonly TextRow[]): boolean => rows.some(({ label }) => label !== undefined);

function opener({ directory, config, taper }: Described, values: Values<typeof benchFlags>): OpenModel {
  const dtype = checkDtype(values.dtype, "--dtype");
  return async (wrap = (backend) => backend) => {
    const wrapped = wrap((await openBackend(values)).backend);
    if (directory !== undefined) return loadModel(directory, { backend: wrapped, dtype });
    return randomModel(config, taper, wrapped, 1, dtype);
  };
}
