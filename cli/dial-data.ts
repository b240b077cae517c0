/** What commands that choose dials share: texts of a file as a model reads them, and a model directory's `taperbert.json` rewritten. */
import type { Dials } from "../bert/dials.ts";
import { readConfigs } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { type Certificate, parseTaperConfig, taperSchemaVersion } from "../bert/taper-config.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../engine/errors.ts";
import { writeFileAtomically } from "../engine/files.ts";
import type { TextRow } from "../train/data.ts";
import { dataFlags, labelled, readRows } from "./data.ts";
import type { Flags, Values } from "./flags.ts";
import { numberOf } from "./flags.ts";

export const dialDataFlags = {
  ...dataFlags,
  words: { type: "string", value: "N", help: "texts of at least N words only; default 1" },
} as const satisfies Flags;

export interface DialTexts {
  readonly texts: readonly TokenIds[];
  /** One per text; absent where no row has a label. */
  readonly labels?: readonly number[];
}

/** Throws ERR_OPTION, ERR_FILE, ERR_DATA; ERR_INPUT for a model that does not classify texts. */
export async function readDialTexts(
  command: string,
  values: Values<typeof dialDataFlags>,
  model: Model,
): Promise<DialTexts> {
  if (model.config.task !== "sequence-classification") {
    const found = model.config.task;
    throw new TaperError(
      "ERR_INPUT",
      `${command} needs a model for sequence-classification; this one is for ${found}.`,
    );
  }
  const least = numberOf(values.words, "words", { least: 1, whole: true }) ?? 1;
  const rows = (await readRows(command, values)).filter((row) => wordsIn(row) >= least);
  if (rows.length === 0) {
    throw new TaperError("ERR_DATA", `${values.data}: expected a text of at least ${least} words, found none.`);
  }
  const texts = rows.map(({ text }) => model.encode(text));
  if (rows.every(({ label }) => label === undefined)) return { texts };
  const labels = labelled(rows, model.config.labels, values.data ?? "").map(({ label }) => label);
  return { texts, labels };
}

const wordsIn = ({ text }: TextRow): number => [text].flat().join(" ").trim().split(/\s+/).length;

/** Gives a model directory other default dials, and what is certified of them; an older certificate goes. */
export async function writeDials(directory: string, dials: Dials, certificate?: Certificate): Promise<void> {
  const { taper, config } = await readConfigs(directory);
  const { certificate: _old, ...rest } = taper;
  const json = { schemaVersion: taperSchemaVersion, ...rest, dials, ...(certificate && { certificate }) };
  const [file, text] = [`${directory}/taperbert.json`, `${JSON.stringify(json, null, 2)}\n`];
  // What cannot be read again is not written.
  parseTaperConfig(JSON.parse(text), config.layers, file);
  await writeFileAtomically(file, text);
}
