/**
 * Libraries as their users meet them: each contender's processes take turns, A B A B, and every figure is the median over its fresh
 * processes. One round before only compares answers: whoever reads other tokens or computes another model is not timed. The models' files
 * are in the operating system's cache from that round on.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BertConfig } from "../../bert/config.ts";
import { TaperError } from "../../engine/errors.ts";
import { builtDirectory } from "../measured-process.ts";
import { repository } from "../peers/locate.ts";
import { sameIds } from "../peers/transformers.ts";
import { sameLogits } from "../same-logits.ts";
import { type Summary, summarise } from "../statistics.ts";
import { type LibraryContender, libraryContenders } from "./contenders.ts";
import { figureNames, type LibraryAnswers, type LibraryFigures, type LibraryTask } from "./task.ts";

export interface LibraryRow {
  readonly name: string;
  readonly figures: Readonly<Record<keyof LibraryFigures, Summary>>;
  /** Largest difference of a logit from the first row's. */
  readonly difference: number;
  /** Texts that have the first row's label, all in one call. */
  readonly sameLabels: number;
}

export interface LibraryComparison {
  /** Tokens of each text. */
  readonly tokens: readonly number[];
  readonly rows: readonly LibraryRow[];
  readonly missing: readonly { readonly name: string; readonly absent: string }[];
}

export interface LibraryOptions {
  /** Fresh processes of each. */
  readonly runs: number;
  readonly threads: number;
  /** Contenders whose names contain this; default all. */
  readonly only?: string | undefined;
  readonly progress: (line: string) => void;
}

/** The texts that all read, a line each. Throws ERR_FILE outside of a checkout. */
export function libraryTexts(): string[] {
  return readFileSync(inRepository("bench/library/texts.txt"), "utf8").trimEnd().split("\n");
}

/** Random weights of this shape. Throws ERR_FILE without dist/ or outside of a checkout, ERR_BACKEND if a process fails. */
export async function compareLibraries(
  config: BertConfig,
  { runs, threads, only = "", progress }: LibraryOptions,
): Promise<LibraryComparison> {
  const texts = libraryTexts();
  progress("writing the models");
  const vocabulary = readFileSync(inRepository("models/sst2-12x128/vocab.txt"), "utf8");
  const { contenders: all, missing, remove } = await libraryContenders(config, vocabulary, { threads });
  try {
    const contenders = all.filter(({ name }) => name.includes(only));
    if (contenders.length === 0) {
      const names = all.map(({ name }) => `"${name}"`).join(", ");
      throw new TaperError("ERR_OPTION", `--only: no contender's name contains "${only}"; there are ${names}.`);
    }
    const answers = contenders.map((one) => {
      progress(`comparing ${one.name}`);
      return ask<LibraryAnswers>(one, texts, "check");
    });
    const agreements = contenders.map((one, c) =>
      agreement(one, answers[c], answers[0], contenders[0].dtype === "f32" && one.dtype === "f32"),
    );
    const figures: LibraryFigures[][] = contenders.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [c, one] of contenders.entries()) {
        progress(`round ${run + 1} of ${runs}: ${one.name}`);
        figures[c].push(ask<LibraryFigures>(one, texts, "time"));
      }
    }
    const rows = contenders.map(({ name }, c) => {
      const summaries = figureNames.map((figure) => [figure, summarise(figures[c].map((one) => one[figure]))]);
      return { name, figures: Object.fromEntries(summaries) as LibraryRow["figures"], ...agreements[c] };
    });
    return { tokens: answers[0].ids.map(({ length }) => length), rows, missing };
  } finally {
    await remove();
  }
}

/** Throws ERR_BACKEND for other tokens than the first row's, and with `exact` for other logits or labels. */
function agreement({ name }: LibraryContender, found: LibraryAnswers, expected: LibraryAnswers, exact: boolean) {
  for (const [t, ids] of found.ids.entries()) {
    sameIds(ids, expected.ids[t], { who: name, t, maxLength: Number.POSITIVE_INFINITY });
  }
  const floats = ({ logits }: LibraryAnswers) => logits.map((row) => Float32Array.from(row));
  const tolerance = exact ? undefined : Number.POSITIVE_INFINITY;
  const difference = sameLogits(floats(found), floats(expected), name, tolerance);
  const sameLabels = found.batch.filter(({ label }, t) => label === expected.batch[t].label).length;
  if (exact && sameLabels < expected.batch.length) {
    throw new TaperError(
      "ERR_BACKEND",
      `${name}: of ${expected.batch.length} texts in one call ${sameLabels} have the label of ours; with the same weights all should.`,
    );
  }
  return { difference, sameLabels };
}

function ask<Answer>({ name, task }: LibraryContender, texts: readonly string[], mode: LibraryTask["mode"]): Answer {
  const whole: LibraryTask = { ...task, texts, mode };
  const child = join(builtDirectory(), "library-child.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, JSON.stringify(whole)], { encoding: "utf8" });
  if (status !== 0) throw new TaperError("ERR_BACKEND", `${name}: its process failed: ${stderr.trim()}`);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as Answer;
}

function inRepository(file: string): string {
  const root = repository();
  if (root !== undefined) return join(root, file);
  throw new TaperError("ERR_FILE", `${file}: bench library runs in a checkout of the repository; clone it first.`);
}
