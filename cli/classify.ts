/** `taperbert classify`: texts in, labels and what they cost out, one at a time. */

import { gflops } from "../bench/flops.ts";
import { printable } from "../bert/display-width.ts";
import type { Model } from "../bert/model.ts";
import { commonFlags, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialFlags, dialsOf, modelFlags, withModel } from "./model-flags.ts";
import { digits, percent, times } from "./table.ts";

const flags = { ...modelFlags, ...dialFlags, ...commonFlags };

const examples = [
  'taperbert classify --model DIR "a gorgeous, witty, seductive movie"',
  "taperbert classify --model DIR --json < reviews.txt",
  'taperbert classify --model DIR --entropy 0.2 --no-skim "it never took off"',
];

const about =
  "Labels each text given, or each line of the standard input. Milliseconds are those of one text alone, from text to answer; " +
  "the first text runs once more beforehand, untimed.";

export async function classify(argv: readonly string[], io: Io): Promise<number> {
  const { values, texts } = parseFlags("classify", argv, flags, { texts: true });
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const dials = dialsOf(values);
  await withModel("classify", values, async (model) => {
    if (texts.length === 0 && io.interactive) io.err("reading texts from the standard input, one a line");
    let warm = false;
    for await (const text of texts.length > 0 ? texts : io.lines()) {
      if (!warm) await model.classify(text, dials);
      warm = true;
      const answer = await answerOf(model, text, dials);
      if (answer.truncated)
        io.err(`taperbert: cut to the ${model.maxLength} tokens that this model reads: ${start(text)}`);
      if (values.json) printJson(io, answer);
      else io.out(sentence(answer, text));
    }
  });
  return 0;
}

export interface ClassifyLine {
  readonly label: string;
  readonly score: number;
  readonly exitLayer: number;
  readonly rowsPerLayer: readonly number[];
  readonly gflops: number;
  readonly denseGflops: number;
  readonly ms: number;
  readonly truncated: boolean;
}

async function answerOf(model: Model, text: string, dials: ReturnType<typeof dialsOf>): Promise<ClassifyLine> {
  const startedAt = performance.now();
  const { label, score, truncated, trace } = await model.classify(text, dials);
  const ms = performance.now() - startedAt;
  return {
    label,
    score,
    exitLayer: trace.exitLayer,
    rowsPerLayer: trace.attended,
    gflops: gflops(trace.macs),
    denseGflops: gflops(trace.denseMacs),
    ms,
    truncated,
  };
}

function sentence(line: ClassifyLine, text: string): string {
  const cost = `${digits(line.gflops)} GFLOPs (dense ${digits(line.denseGflops)}, ${times(line.denseGflops / line.gflops)})`;
  const parts = [percent(line.score), `exit ${line.exitLayer}`, cost, `${digits(line.ms)} ms`, start(text)];
  return `${line.label}  ${parts.join("  ")}`;
}

/** Enough of a text to know it by. */
function start(text: string): string {
  const shown = printable(text.slice(0, 200));
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}
