/**
 * Golden values of a model: what it computes, densely, of a few texts, kept beside it in `golden.json` and compared wherever it runs
 * next. A runtime that computes wrongly, a tokenizer that reads otherwise and a quantisation that went wrong all show here. It measures
 * faithfulness to the recorded model, not how good that one is.
 */
import { show, TaperError } from "../engine/errors.ts";
import type { Dtype } from "./dtype.ts";
import type { Model, Text } from "./model.ts";
import { meanRow } from "./readouts.ts";

export const goldenFile = "golden.json";
const schemaVersion = 1;

export interface GoldenCase {
  readonly text: Text;
  readonly ids: readonly number[];
  /** Logits, those of all tokens for a token-level model; an embedder's mean state. */
  readonly values: readonly number[];
}

export interface Golden {
  readonly schemaVersion: number;
  readonly cases: readonly GoldenCase[];
}

export interface Comparison {
  readonly cases: number;
  /** Texts that are tokenised otherwise than when they were recorded; they are compared no further. */
  readonly tokenisedOtherwise: number;
  /** The root mean square of the differences, and the largest, in units of the golden values' standard deviation. */
  readonly typical: number;
  readonly largest: number;
  /** Rows of values whose largest one, the label, is another. */
  readonly flips: number;
  readonly rows: number;
  /** What `typical` may be. */
  readonly limit: number;
  readonly passed: boolean;
}

/**
 * What rounding may do. Two float32 forms of a forward differ by some hundred units in the last place of a value of the size of the
 * standard deviation; 8-bit weights and activations by about a hundredth of it a layer, added up over layers as errors at random are.
 */
const limits: Readonly<Record<Dtype, number>> = { f32: 1e-3, int8: 0.2 };

/** Of several lengths, with capitals, accents, digits, ideographs and a pair. */
const texts: readonly Text[] = [
  "good",
  "It was not very good.",
  "A gorgeous, witty, seductive movie that never takes off.",
  "Café Zürich opened at 9:30 on 4 May 2021; 東京 is far away, and nobody minded!",
  ["What was dull?", "The film was dull, but the two leads were so good that I forgave it everything."],
  Array(12)
    .fill("For two hours we follow a retired teacher across a frozen lake, and every minute is a joy.")
    .join(" "),
];

const dense = { skim: false, exit: false } as const;

/** Runs the texts. Throws ERR_OPTION for a model that computes in 8 bits: what is recorded is what 8 bits are compared with. */
export async function recordGolden(model: Model): Promise<Golden> {
  if (model.dtype !== "f32") {
    throw new TaperError("ERR_OPTION", "golden values are recorded in float32; load the model that was quantised.");
  }
  const cases: GoldenCase[] = [];
  for (const text of texts) cases.push({ text, ...(await run(model, text)) });
  return { schemaVersion, cases };
}

async function run(model: Model, text: Text): Promise<Pick<GoldenCase, "ids" | "values">> {
  const encoding = model.encode(text);
  const isEmbedder = model.config.task === "embedding";
  const { logits, hidden = [] } = await model.forwardEncodings([encoding], { ...dense, hidden: isEmbedder });
  const values = isEmbedder ? meanRow(hidden[0], model.config.d) : logits[0];
  return { ids: encoding.ids, values: Array.from(values) };
}

/** Runs the recorded texts again and says how far the values are from the recorded ones. Throws ERR_INPUT for another kind of model. */
export async function compareGolden(model: Model, golden: Golden): Promise<Comparison> {
  const recorded = golden.cases.flatMap(({ values }) => values);
  const mean = recorded.reduce((a, b) => a + b, 0) / recorded.length;
  const deviation = Math.sqrt(recorded.reduce((sum, value) => sum + (value - mean) ** 2, 0) / recorded.length);
  let [tokenisedOtherwise, flips, rows, squares, largest, count] = [0, 0, 0, 0, 0, 0];
  for (const { text, ids, values } of golden.cases) {
    const found = await run(model, text);
    if (found.ids.length !== ids.length || found.ids.some((id, i) => id !== ids[i])) {
      tokenisedOtherwise++;
      continue;
    }
    if (found.values.length !== values.length) {
      throw new TaperError(
        "ERR_INPUT",
        `golden values: expected ${values.length} for ${show(text)}, the model gives ${found.values.length}; record them anew.`,
      );
    }
    const width = rowWidth(model);
    for (let at = 0; at < values.length; at += width) {
      rows++;
      if (labelAt(values, at, width) !== labelAt(found.values, at, width)) flips++;
    }
    for (const [i, value] of values.entries()) {
      const difference = Math.abs(found.values[i] - value) / (deviation || 1);
      squares += difference ** 2;
      // A value that is no number is as far off as can be, and stays it.
      largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
      count++;
    }
  }
  const typical = count === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(squares / count);
  const limit = limits[model.dtype];
  const passed = tokenisedOtherwise === 0 && typical <= limit;
  return { cases: golden.cases.length, tokenisedOtherwise, typical, largest, flips, rows, limit, passed };
}

function rowWidth({ config }: Model): number {
  if (config.task === "question-answering") return 2;
  return config.task === "embedding" ? config.d : config.labels.length;
}

function labelAt(values: readonly number[], at: number, width: number): number {
  let best = at;
  for (let i = at; i < at + width; i++) if (values[i] > values[best]) best = i;
  return best - at;
}

/** Reads a parsed `golden.json`. Throws ERR_DATA. */
export function parseGolden(json: unknown, where: string): Golden {
  const { schemaVersion: version, cases } = (json ?? {}) as Record<string, unknown>;
  const refuse = (expected: string, found: unknown): TaperError =>
    new TaperError("ERR_DATA", `${where}: expected ${expected}, found ${show(found)}; record it anew.`);
  if (version !== schemaVersion) throw refuse(`"schemaVersion" ${schemaVersion}`, version);
  if (!Array.isArray(cases) || cases.length === 0) throw refuse('"cases", a list of one or more', cases);
  for (const one of cases as unknown[]) {
    const { text, ids, values } = (one ?? {}) as Record<string, unknown>;
    const isPair = Array.isArray(text) && text.length === 2 && text.every((part) => typeof part === "string");
    if (typeof text !== "string" && !isPair) throw refuse("a text or a pair of texts", text);
    for (const list of [ids, values]) {
      if (!Array.isArray(list) || !list.every((value) => typeof value === "number")) {
        throw refuse('"ids" and "values", lists of numbers', list);
      }
    }
  }
  return json as Golden;
}
