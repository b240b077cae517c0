/** `taperbert baseline`: a bag of bigrams on the files that a model is measured on: what a BERT has to beat. */

import { TaperError } from "../engine/errors.ts";
import { trainBigrams } from "../train/bigrams.ts";
import { readTexts, type TextRow } from "../train/data.ts";
import { dataFlags, readRows } from "./data.ts";
import { commonFlags, type Flags, numberOf, parseFlags, printHelp, required } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { percent } from "./table.ts";

const flags = {
  train: { type: "string", value: "FILE", help: "labelled texts to learn from" },
  ...dataFlags,
  epochs: { type: "string", value: "N", help: "default 10" },
  rate: { type: "string", value: "R", help: "learning rate; default 0.02" },
  "least-texts": { type: "string", value: "N", help: "leave out features of fewer texts; default 1" },
  seed: { type: "string", value: "N", help: "default 1" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert baseline --train data/sst2/train.tsv --data data/sst2/dev.tsv",
  "taperbert baseline --train data/imdb/train.jsonl.gz --data data/imdb/test.jsonl.gz --json",
];

const about = `Logistic regression on words and bigrams, scaled by naive Bayes' log-count ratios: trained on one file, measured on the other.`;

export async function baseline(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("baseline", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const file = required(values.train, "baseline", "train");
  const options = {
    epochs: numberOf(values.epochs, "epochs", { least: 1, whole: true }) ?? 10,
    learningRate: numberOf(values.rate, "rate", { least: 0 }) ?? 0.02,
    leastTexts: numberOf(values["least-texts"], "least-texts", { least: 1, whole: true }) ?? 1,
    seed: numberOf(values.seed, "seed", { least: 0, whole: true }) ?? 1,
  };
  const learn = (await readTexts(file)).map((row) => labelledRow(row, file));
  const rows = (await readRows("baseline", values)).map((row) => labelledRow(row, values.data ?? ""));
  const startedAt = performance.now();
  const model = trainBigrams(learn, options);
  const seconds = (performance.now() - startedAt) / 1000;
  const correct = rows.filter(({ text, label }) => model.classify(text) === label).length;
  const accuracy = correct / rows.length;
  if (values.json)
    printJson(io, { n: rows.length, accuracy, trained: learn.length, features: model.features, ...options, seconds });
  else {
    io.out(`bag of bigrams: ${percent(accuracy)} of ${rows.length} texts`);
    io.out(`${model.features} features of ${learn.length} texts, trained in ${seconds.toFixed(1)} s`);
  }
  return 0;
}

function labelledRow({ text, label, row }: TextRow, file: string): { text: string; label: number } {
  if (label !== undefined) return { text: [text].flat().join(" "), label };
  throw new TaperError("ERR_DATA", `${file}: row ${row}: expected a label, found none.`);
}
