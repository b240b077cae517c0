/** `taperbert bench threads`: what several threads make of a dense forward, beside what the machine gives to as many. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { openThreadsBench, type ThreadsRow } from "../bench/threads.ts";
import { compilesFor, refusal } from "../bench/variants.ts";
import { configOfShape } from "../bert/config.ts";
import { TaperError } from "../engine/errors.ts";
import { type Variant, variants } from "../kernels/assembler/variant.ts";
import { threadCount } from "../kernels/backends/thread-count.ts";
import { commonFlags, type Flags, nameOf, numberOf, parseFlags, printHelp } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { parseShape } from "./shape-flags.ts";
import { digits, table, times } from "./table.ts";

const flags = {
  shape: {
    type: "string",
    value: "SHAPE",
    help: "base (the default), mini, tiny, or layers,hidden,heads,feed-forward",
  },
  tokens: { type: "string", value: "N,N,…", help: "texts of so many tokens, one at a time; default 8,32,128" },
  threads: { type: "string", value: "N", help: "against one; default and most: one a core" },
  simd: {
    type: "string",
    value: "BUILD",
    help: "plain, relaxed or wide; default wide where it can run, else relaxed",
  },
  runs: { type: "string", value: "R", help: "rounds a length; default 15" },
  seconds: { type: "string", value: "S", help: "no further round of a length after so long; default 10" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench threads",
  "taperbert bench threads --tokens 32,128 --threads 4 --seconds 20",
  "taperbert bench threads --shape 2,128,2,512 --tokens 1,8,32,128 --json",
];

const about = `A dense forward of random weights on one thread, shared by N, and N forwards at once on N threads that share nothing, in turn; medians
of the rounds. The last is the machine's own limit in the same minute: cores that share caches, or a host with neighbours, give less than N.
"of that" is how much of it sharing one forward reaches. Before anything is timed, one thread and N must give the same bits.`;

export async function benchThreads(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench threads", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const shape = values.shape ?? "base";
  const config = configOfShape(parseShape(shape));
  const lengths = lengthsOf(values.tokens ?? "8,32,128", config.maxPositions);
  const wanted = numberOf(values.threads, "threads", { least: 2, whole: true });
  const { count: threads, why } = threadCount(wanted ?? Number.POSITIVE_INFINITY);
  if (threads < 2) throw new TaperError("ERR_BACKEND", `bench threads: there is one thread here: ${why}.`);
  const variant = variantOf(values.simd);
  compilesFor(variant);
  const options = {
    runs: numberOf(values.runs, "runs", { least: 1, whole: true }),
    seconds: numberOf(values.seconds, "seconds", { least: 0 }),
  };
  const bench = await openThreadsBench(config, { threads, variant, ...options, progress: io.progress });
  const rows: ThreadsRow[] = [];
  try {
    for (const tokens of lengths) rows.push(await bench.time(tokens));
  } finally {
    await bench.dispose();
  }
  io.progress("");
  const where = await environment();
  if (values.json) {
    printJson(io, { shape, threads, variant, rows, environment: where });
    return 0;
  }
  const limited = wanted !== undefined && threads < wanted ? ` (${why})` : "";
  io.out(`${shape}, random weights, ${variant}, 1 thread against ${threads}${limited}; milliseconds`);
  const heading = [
    "tokens",
    "1 thread",
    `${threads} threads`,
    "faster",
    "at best",
    `${threads} forwards at once`,
    "of that",
  ];
  const body = rows.map(({ tokens, oneMs, sharedMs, faster, independent, ofIndependent }) => [
    ...[String(tokens), digits(oneMs.median), digits(sharedMs.median)],
    ...[times(faster.median), times(faster.max), times(independent.median), ofIndependent.toFixed(2)],
  ]);
  for (const line of table([heading, ...body])) io.out(line);
  io.err(describeEnvironment(where));
  return 0;
}

function lengthsOf(text: string, most: number): number[] {
  const lengths = text.split(",").map((one) => numberOf(one, "tokens", { least: 1, whole: true })!);
  const long = lengths.find((length) => length > most);
  if (long === undefined) return lengths;
  throw new TaperError("ERR_OPTION", `--tokens: expected at most ${most} tokens a text, found ${long}.`);
}

/** Throws ERR_OPTION for an unknown build, ERR_BACKEND for one that cannot run here. */
function variantOf(name: string | undefined): Variant {
  if (name === undefined) return refusal("wide") === undefined ? "wide" : "relaxed";
  const found = nameOf(name, "simd", variants);
  const why = refusal(found);
  if (why !== undefined) throw new TaperError("ERR_BACKEND", `bench threads: ${why}`);
  return found;
}
