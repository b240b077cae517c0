/** `taperbert tour`, which `npm start` runs: a few sentences through the bundled model, each drawn as the pyramid it becomes. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { gflops } from "../bench/flops.ts";
import { measure } from "../bench/measure.ts";
import type { Dials } from "../bert/dials.ts";
import { drawPyramid, pyramidOf } from "../bert/pyramid.ts";
import { bundledModel } from "./bundled-model.ts";
import { commonFlags, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { dialFlags, dialsOf, modelFlags, openModel } from "./model-flags.ts";
import { digits, percent, times } from "./table.ts";

const flags = { ...modelFlags, ...dialFlags, ...commonFlags };

const examples = [
  "taperbert tour",
  'taperbert tour "The plot is thin, but the actors are having the time of their lives."',
  "taperbert tour --entropy 0.5 --keep-threshold 1",
];

const about =
  "Classifies sample sentences (or yours) and draws, layer by layer, which words are still alive; times them against the dense model.";

const samples = [
  "A gorgeous, witty, seductive movie.",
  "The story never takes off, and the jokes are as stale as last year's popcorn.",
  "It is not without flaws, but the two leads are so good that I forgave it everything.",
  "For two hours we follow a retired teacher across a frozen lake, and somehow every minute of it is a quiet joy.",
  "I wanted to like it more than I did.",
];

const dense: Dials = { skim: false, exit: false };

export async function tour(argv: readonly string[], io: Io): Promise<number> {
  const { values, texts } = parseFlags("tour", argv, flags, { texts: true });
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const dials = dialsOf(values);
  const directory = values.model ?? bundledModel();
  const model = await openModel(directory, values);
  try {
    for (const text of texts.length > 0 ? texts : samples) {
      const { label, score, trace } = await model.classify(text, dials);
      const encoding = model.encode(text);
      const { ms, ratio } = await measure(
        {
          narrowed: () => model.forwardEncodings([encoding], dials),
          dense: () => model.forwardEncodings([encoding], dense),
        },
        { runs: 15, seconds: 2, warmup: 3 },
      );
      const pyramid = pyramidOf(text, encoding, trace);
      const figures = {
        gflops: gflops(trace.macs),
        denseGflops: gflops(trace.denseMacs),
        ms: ms.narrowed.median,
        denseMs: ms.dense.median,
      };
      if (values.json) {
        const { exitLayer, attended: rowsPerLayer } = trace;
        printJson(io, { text, label, score, exitLayer, rowsPerLayer, ...figures, words: pyramid.words });
        continue;
      }
      const grey = (dots: string): string => `\u001b[90m${dots}\u001b[39m`;
      const drawn = drawPyramid(pyramid, { width: io.columns, ...(io.colours && { dim: grey }) });
      io.out(`${label}, ${percent(score)}`);
      for (const line of drawn) io.out(line);
      io.out(
        `  GFLOPs  ${digits(figures.gflops)} of ${digits(figures.denseGflops)} dense: ${times(figures.denseGflops / figures.gflops)} fewer`,
      );
      io.out(
        `  ms      ${digits(figures.ms)} of ${digits(figures.denseMs)} dense: ${times(ratio("dense", "narrowed").median)} faster\n`,
      );
    }
    if (!values.json) io.err(`measured now, medians of interleaved runs: ${describeEnvironment(await environment())}`);
  } finally {
    await model.dispose();
  }
  return 0;
}
