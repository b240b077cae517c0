/** Records of a plan as one page of Markdown. It reads no models: the same records always give the same page. */
import { inWords } from "../pareto.ts";
import { digits, percent, times } from "../report/format.ts";
import { mean } from "../statistics.ts";
import type { Role } from "./plan.ts";
import type { Difference } from "./record.ts";
import type { ModelRecord, TaskRecord } from "./run.ts";

/** A task's records, and the machine and engine of its timings. */
export interface MeasuredTask extends TaskRecord {
  readonly environment: string;
}

export interface Results {
  readonly schemaVersion: 1;
  /** The command that made the records. */
  readonly command: string;
  readonly tasks: readonly MeasuredTask[];
}

export function resultsPage({ command, tasks }: Results): string {
  const lines = [
    "# Results",
    "",
    ...tasks.flatMap(againstBigrams),
    "Every model here was trained from nothing, on these tasks' texts and film reviews, by this project: 128 wide, no pretrained BERT. Published",
    "rows start from BERT-base and stand beside for their ratios, not for their accuracies.",
    "",
    `Made by \`${command}\`, task by task (\`--only\`), which also draws this page again from the records (\`--render\`).`,
    "",
    "**Fewer**: MACs of the task's dense model on each text's real length ÷ executed, predictors and exit heads included, as a ratio of sums;",
    "**padded**: the same with texts padded to the longest of their batch of 32. **Faster**: dense milliseconds ÷ milliseconds, ids to logits,",
    "one text at a time and in ragged batches of 32, on texts spread over the set, the two models taking turns every 32 texts; **realised**: faster ÷",
    "fewer on the timed texts. **Points**: accuracy minus that of the better of its own dense run and the dense models trained for themselves, with",
    "the paired 95 % interval.",
    ...tasks.flatMap(section),
  ];
  return `${lines.join("\n")}\n`;
}

/** What has to be said first where order of words brought nothing. */
function againstBigrams({ name, bigrams, models }: TaskRecord): string[] {
  const best = Math.max(...models.filter(({ role }) => role === "dense").map(({ accuracy }) => accuracy));
  if (bigrams === undefined || best >= bigrams) return [];
  const behind = (100 * (bigrams - best)).toFixed(1);
  return [
    `On ${name} the dense model stays ${behind} points below a bag of bigrams (${percent(best)} against ${percent(bigrams)}).`,
    "",
  ];
}

const titles: Readonly<Record<Role, string>> = {
  dense: "dense",
  static: "fewer layers",
  ours: "skim + exit",
  width: "skim only",
  depth: "exit only",
  ablation: "ablation",
};

function section(task: MeasuredTask): string[] {
  const { name, kind, models, bigrams, published, data, environment } = task;
  const unit = kind === "truecasing" ? "words" : "texts";
  const first = models[0];
  const asked = kind === "truecasing" ? `${first.asked} words of ${first.texts} texts` : `${first.texts} texts`;
  return [
    "",
    `## ${name}`,
    "",
    `${asked} (${data.map((file) => `\`${file}\``).join(", ")}), ${digits(first.gflops)} GFLOPs per text dense.` +
      (bigrams === undefined ? "" : ` A bag of bigrams has ${percent(bigrams, 2)} of the ${unit} right.`),
    `Timed on ${environment}.`,
    "",
    ...table(
      ["model", "", "accuracy", "points", "fewer", "padded", "faster", "at 32", "realised", "as dense", "exit layer"],
      models.map((row) => rowOf(row, models)),
    ),
    ...seeds(models),
    ...isoAccuracy(models),
    ...againstParts(models),
    ...curves(models),
    ...lengths(models),
    ...keptByLayer(models),
    ...choices(models),
    ...maskedLine(models),
    ...(published.length === 0
      ? []
      : ["", "Published, on BERT-base:", "", ...published.map(({ name: who, figures }) => `- ${who}: ${figures}`)]),
  ];
}

const points = (value: number): string => `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(2)}`;

const pointsWithInterval = ({ difference, low, high }: Difference): string =>
  `${points(difference)} (${points(low)} … ${points(high)})`;

/** Its name, and which run of its recipe it is where there are several. */
function nameOf(row: ModelRecord, models: readonly ModelRecord[]): string {
  const runs = models.filter(({ name }) => name === row.name);
  return runs.length < 2 ? row.name : `${row.name}, seed ${runs.indexOf(row) + 1}`;
}

function rowOf(row: ModelRecord, models: readonly ModelRecord[]): string[] {
  const { best, own, timed } = row;
  return [
    nameOf(row, models),
    row.role === "static" ? `${row.layers} layer${row.layers === 1 ? "" : "s"}` : titles[row.role],
    percent(row.accuracy, 2),
    best ? pointsWithInterval(best) : "–",
    times(row.speedup),
    times(row.paddedSpeedup),
    timed ? times(timed.faster) : "–",
    timed ? times(timed.batchFaster) : "–",
    timed ? `${(timed.faster / timed.counted).toFixed(2)}, ${(timed.batchFaster / timed.counted).toFixed(2)}` : "–",
    own ? percent(own.agreement) : "–",
    row.meanExitLayer.toFixed(2),
  ];
}

function seeds(models: readonly ModelRecord[]): string[] {
  const names = [...new Set(models.map(({ name }) => name))];
  const lines = names.flatMap((name) => {
    const runs = models.filter((row) => row.name === name);
    if (runs.length < 2) return [];
    const spread = (values: readonly number[], form: (value: number) => string): string =>
      `${form(mean(values))} (${form(Math.min(...values))} … ${form(Math.max(...values))})`;
    const accuracy = spread(
      runs.map((row) => row.accuracy),
      (value) => percent(value, 2),
    );
    const lost = runs.flatMap(({ best }) => (best ? [best.difference] : []));
    const inPoints = lost.length < runs.length ? "" : `, points ${spread(lost, points)}`;
    const fewer = spread(
      runs.map((row) => row.speedup),
      times,
    );
    const timed = runs.flatMap((row) => row.timed ?? []);
    const faster = (of: (row: (typeof timed)[number]) => number): string => spread(timed.map(of), times);
    const inTime =
      timed.length < runs.length
        ? ""
        : `, faster ${faster((row) => row.faster)}, at 32 ${faster((row) => row.batchFaster)}`;
    return [`- ${name}: ${runs.length} seeds, accuracy ${accuracy}${inPoints}, fewer ${fewer}${inTime}`];
  });
  return lines.length === 0 ? [] : ["", "Mean over seeds (least … most):", "", ...lines];
}

/** The cheapest static dense model at least as accurate as each of ours. */
function isoAccuracy(models: readonly ModelRecord[]): string[] {
  const fixed = models.filter(({ role }) => role === "static" || role === "dense");
  const lines = models.flatMap((row) => {
    if (row.role !== "ours") return [];
    const enough = fixed.filter(({ accuracy }) => accuracy >= row.accuracy);
    const name = nameOf(row, models);
    if (enough.length === 0) return [`- ${name}: no static dense model here is as accurate`];
    const cheapest = enough.reduce((a, b) => (b.gflops < a.gflops ? b : a));
    const inTime =
      row.timed && cheapest.timed ? `, ${times(row.timed.faster / cheapest.timed.faster)} in milliseconds` : "";
    return [
      `- ${name} against ${cheapest.name} (${percent(cheapest.accuracy, 2)}): ${times(cheapest.gflops / row.gflops)} in MACs${inTime}`,
    ];
  });
  return lines.length === 0
    ? []
    : ["", "At the same accuracy, against the cheapest static dense model at least as accurate:", "", ...lines];
}

/** Both together against the cheaper of skimming and exits that were trained each for itself, over all texts and by their length. */
function againstParts(models: readonly ModelRecord[]): string[] {
  const parts = models.filter(({ role }) => role === "width" || role === "depth");
  const ours = models.filter(
    ({ role, name }, i) => role === "ours" && models.findIndex((row) => row.name === name) === i,
  );
  if (parts.length === 0 || ours.length === 0) return [];
  const alone = parts.reduce((a, b) => (b.speedup > a.speedup ? b : a));
  const lines = ours.map((row) => {
    const byLength = row.buckets.map(({ speedup }, i) => times(speedup / alone.buckets[i].speedup));
    return `- ${row.name}: ${times(row.speedup / alone.speedup)} at ${percent(row.accuracy, 2)}; by length of text ${byLength.join(", ")}`;
  });
  return [
    "",
    `How many times fewer operations than ${alone.name}, the cheaper of those that learned only to skim or only to exit (${percent(alone.accuracy, 2)} at ${times(alone.speedup)}):`,
    "",
    ...lines,
  ];
}

/** What the dials do on these texts: to be read, not to be chosen from. */
function curves(models: readonly ModelRecord[]): string[] {
  return models.flatMap((row) => {
    if (row.curve === undefined || row.best === undefined) return [];
    const settings = [{ ...row, ...row.best, speedup: row.speedup }, ...row.curve];
    const ordered = settings.toSorted((a, b) => a.speedup - b.speedup);
    return [
      "",
      `${nameOf(row, models)}, its setting above among others:`,
      "",
      ...table(
        ["dials", "accuracy", "points", "fewer"],
        ordered.map((point) => [
          inWords(point),
          percent(point.accuracy, 2),
          pointsWithInterval(point),
          times(point.speedup),
        ]),
      ),
    ];
  });
}

function lengths(models: readonly ModelRecord[]): string[] {
  const { buckets } = models[0];
  const title = ({ from, to, texts }: (typeof buckets)[number]): string =>
    `${to === undefined ? `≥ ${from}` : from === 1 ? `≤ ${to}` : `${from}–${to}`} (${texts})`;
  return [
    "",
    "By length in tokens (texts): accuracy, fewer:",
    "",
    ...table(
      ["model", ...buckets.map(title)],
      models.map((row) => [
        nameOf(row, models),
        ...row.buckets.map(({ accuracy, speedup }) => `${percent(accuracy)}, ${times(speedup)}`),
      ]),
    ),
  ];
}

function keptByLayer(models: readonly ModelRecord[]): string[] {
  const rows = models.filter(({ own }) => own !== undefined);
  if (rows.length === 0) return [];
  return [
    "",
    "Rows that enter each layer ÷ tokens of all texts (who was answered counts as gone), and the dials:",
    "",
    ...table(
      ["model", ...rows[0].kept.map((_, l) => String(l + 1)), "dials"],
      rows.map((row) => [nameOf(row, rows), ...row.kept.map((share) => `${(100 * share).toFixed(0)} %`), inWords(row)]),
    ),
  ];
}

/** Random dropping and exits by number, of the first of ours. */
function choices(models: readonly ModelRecord[]): string[] {
  const row = models.find((model) => model.sceptic !== undefined);
  if (row?.sceptic === undefined) return [];
  const { texts, skim, byLayer } = row.sceptic;
  return [
    "",
    `What choosing is worth (${row.name}, ${texts} texts spread over the set):`,
    "",
    ...(skim === undefined
      ? []
      : [
          `- skimming alone ${percent(skim.accuracy, 2)} at ${times(skim.speedup)}; as many random tokens dropped: ${percent(skim.random, 2)}`,
        ]),
    `- every text answered after the same layer, nothing skimmed: ${byLayer
      .map(({ layer, accuracy, speedup }) => `${layer}: ${percent(accuracy, 2)} (${times(speedup)})`)
      .join(", ")}`,
  ];
}

function maskedLine(models: readonly ModelRecord[]): string[] {
  const compared = models.flatMap(({ masked }) => (masked ? [masked] : []));
  if (compared.length === 0) return [];
  const most = Math.max(...compared.map(({ difference }) => difference));
  return [
    "",
    `Dropping rows against masking them: logits of ${compared[0].texts} texts of each model differ by ${most.toExponential(1)} at most.`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)];
}
