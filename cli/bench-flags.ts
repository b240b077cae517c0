/** What both benches need: a model or a shape, texts or a length, and a schedule for weights that decide nothing. */

import { randomText } from "../bench/random-model.ts";
import { parseSchedule } from "../bench/schedule.ts";
import { loadTokenizer } from "../bert/tokenizer/load.ts";
import type { TokenIds } from "../bert/tokenizer/tokenizer.ts";
import { TaperError } from "../engine/errors.ts";
import type { TextRow } from "../train/data.ts";
import { bundledModel } from "./bundled-model.ts";
import { dataFlags, readRows } from "./data.ts";
import { type Flags, numberOf, type Values } from "./flags.ts";
import { backendFlags, dialFlags } from "./model-flags.ts";
import { type Described, shapeFlags } from "./shape-flags.ts";

export const benchFlags = {
  ...shapeFlags,
  ...backendFlags,
  ...dataFlags,
  tokens: { type: "string", value: "N", help: "instead of --data: one text of N random tokens" },
  tokenizer: {
    type: "string",
    value: "DIR",
    help: "with --shape and --data: whose vocabulary; default the bundled model's",
  },
  "skim-schedule": {
    type: "string",
    value: "S,S,…",
    help: "with --shape: the share of tokens that each layer attends to, like 0.9,0.8,0.7",
  },
  ...dialFlags,
} as const satisfies Flags;

type BenchValues = Values<typeof benchFlags>;

/** Throws ERR_OPTION for flags that belong to the other kind of run. */
export function checkBenchFlags(command: string, values: BenchValues): void {
  const refuse = (names: readonly (keyof typeof benchFlags)[], needed: string): void => {
    const found = names.find((name) => values[name] !== undefined);
    if (found === undefined) return;
    throw new TaperError("ERR_OPTION", `${command}: --${found} goes with ${needed}; see taperbert ${command} --help.`);
  };
  if (values.shape === undefined) refuse(["skim-schedule", "tokenizer"], "--shape");
  else refuse(Object.keys(dialFlags) as (keyof typeof dialFlags)[], "--model: random weights neither skim nor exit");
  if ((values.data === undefined) === (values.tokens === undefined)) {
    throw new TaperError("ERR_OPTION", `${command} needs either --data or --tokens; see taperbert ${command} --help.`);
  }
  if (values.data === undefined) refuse(["format", "limit", "tokenizer"], "--data");
}

export interface BenchTexts {
  readonly texts: TokenIds[];
  /** Rows of the file; absent for random ids. */
  readonly rows?: readonly TextRow[];
  /** Tokenises text t anew. */
  readonly encode?: (t: number) => TokenIds;
}

/** The texts to run. Throws what reading the file or the vocabulary throws, and ERR_OPTION for more tokens than the model reads. */
export async function benchTexts(
  command: string,
  values: BenchValues,
  { directory, config }: Described,
  defaultLimit?: number,
): Promise<BenchTexts> {
  const tokens = numberOf(values.tokens, "tokens", { least: 1, whole: true });
  if (tokens !== undefined) {
    if (tokens > config.maxPositions) {
      throw new TaperError("ERR_OPTION", `--tokens: expected at most ${config.maxPositions}, found ${tokens}.`);
    }
    return { texts: [randomText(tokens, config.vocabulary, 1)] };
  }
  const limit = values.limit ?? (defaultLimit === undefined ? undefined : String(defaultLimit));
  const rows = await readRows(command, { ...values, limit });
  const tokenizer = await loadTokenizer(directory ?? values.tokenizer ?? bundledModel());
  if (tokenizer.vocabulary.length > config.vocabulary) {
    throw new TaperError(
      "ERR_VOCABULARY",
      `--tokenizer: the vocabulary has ${tokenizer.vocabulary.length} tokens; the model of this shape has ${config.vocabulary}.`,
    );
  }
  const maxLength = Math.min(config.maxPositions, tokenizer.maxLength);
  const encode = (t: number): TokenIds => tokenizer.encode(rows[t].text, { maxLength });
  return { texts: rows.map((_, t) => encode(t)), rows, encode };
}

/** The schedule that flags give, one share a layer; undefined without one. */
export function scheduleOf(values: BenchValues, layers: number): number[] | undefined {
  const text = values["skim-schedule"];
  return text === undefined ? undefined : parseSchedule(text, layers, "--skim-schedule");
}

/** What a reader must know of a shape's weights; undefined for a trained model. */
export function describeSchedule({ directory }: Described, shares: readonly number[] | undefined): string | undefined {
  if (directory !== undefined) return undefined;
  const narrowing =
    shares === undefined
      ? "nothing narrows"
      : `skims by schedule, not by decisions: layers attend to ${shares.join(", ")}`;
  return `no checkpoint: ${narrowing}`;
}
