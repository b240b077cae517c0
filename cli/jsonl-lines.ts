/**
 * Lines of JSON to lines of JSON: each holds a text (a string, or an object with `text`, perhaps `text_pair` and an `id` to know it by);
 * each gives its answer. A line that cannot be answered gives an error object with its number, and stops nothing.
 */
import { gflops } from "../bench/flops.ts";
import type { Dials } from "../bert/dials.ts";
import type { Model, Text } from "../bert/model.ts";
import type { Encoding } from "../bert/tokenizer/tokenizer.ts";
import { show, TaperError } from "../engine/errors.ts";
import { schemaVersion } from "./io.ts";

export interface NumberedLine {
  /** Counted from 1. */
  readonly line: number;
  readonly json: string;
}

interface Asked {
  readonly id?: unknown;
  readonly encoding: Encoding;
}

export interface AnsweredLines {
  /** One for each line asked, in order. */
  readonly lines: readonly string[];
  /** How many of them are errors. */
  readonly errors: number;
}

/** The texts share a forward. */
export async function answerLines(model: Model, lines: readonly NumberedLine[], dials: Dials): Promise<AnsweredLines> {
  const asked = lines.map(({ json }): Asked | TaperError => {
    try {
      const { text, id } = parseLine(json);
      return { encoding: model.encode(text), ...(id !== undefined && { id }) };
    } catch (error) {
      if (error instanceof TaperError) return error;
      throw error;
    }
  });
  const good = asked.filter((one): one is Asked => !(one instanceof TaperError));
  const answers = await model.classifyEncodings(
    good.map(({ encoding }) => encoding),
    dials,
  );
  const answered = lines.map(({ line }, i) => {
    const one = asked[i];
    if (one instanceof TaperError) {
      const { code, message } = one;
      return JSON.stringify({ schemaVersion, line, error: { code, message } });
    }
    const { label, score, truncated, trace } = answers.shift() as (typeof answers)[number];
    const { exitLayer, macs } = trace;
    const id = one.id === undefined ? {} : { id: one.id };
    return JSON.stringify({ schemaVersion, line, ...id, label, score, truncated, exitLayer, gflops: gflops(macs) });
  });
  return { lines: answered, errors: asked.length - good.length };
}

function parseLine(json: string): { text: Text; id?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new TaperError("ERR_DATA", `expected JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value === "string") return { text: value };
  const { text, text_pair: pair, id } = (value ?? {}) as Record<string, unknown>;
  if (typeof text !== "string" || (pair !== undefined && typeof pair !== "string")) {
    throw new TaperError(
      "ERR_DATA",
      `expected a string, or an object with "text" and perhaps "text_pair"; found ${show(value)}.`,
    );
  }
  return { text: pair === undefined ? text : [text, pair], id };
}
