/** `taperbert bench peers`: a dense BERT of random weights, here and in the libraries that it is compared with. */
import { describeEnvironment, environment } from "../bench/environment.ts";
import { openOurs } from "../bench/ours.ts";
import { type BertWeights, type Dtype, openPeer, type PeerName, peerNames } from "../bench/peers/index.ts";
import { paddedToReal, raggedLengths } from "../bench/ragged-lengths.ts";
import { randomText, randomWeights } from "../bench/random-model.ts";
import { timeStart } from "../bench/start.ts";
import { refusal } from "../bench/variants.ts";
import { type Rival, type VersusRow, versus } from "../bench/versus.ts";
import { type BertConfig, configOfShape } from "../bert/config.ts";
import { TaperError } from "../engine/errors.ts";
import { type Variant, variants } from "../kernels/assembler/variant.ts";
import { commonFlags, type Flags, namesOf, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { parseShape } from "./shape-flags.ts";
import { digits, table, times } from "./table.ts";

const flags = {
  shape: {
    type: "string",
    value: "SHAPE",
    help: "base (the default), mini, tiny, or layers,hidden,heads,feed-forward",
  },
  tokens: { type: "string", value: "N,N,…", help: "texts of so many tokens, one at a time; default 8,16,32,64,128" },
  batch: {
    type: "string",
    value: "N,N,…",
    help: 'a batch of texts of these lengths, or "ragged": 16 texts of 8 to 128 tokens; peers pad it',
  },
  start: { type: "boolean", help: "instead: from process start to first logits, against onnxruntime-node" },
  peers: { type: "string", value: "P,P,…", help: `of ${peerNames.join(", ")}; default all` },
  simd: { type: "string", value: "BUILD,…", help: "our builds, of plain, relaxed and wide; default relaxed,wide" },
  dtype: { type: "string", value: "TYPE", help: "f32 (the default) or int8: what all compute in" },
  threads: { type: "string", value: "N", help: "threads of the peers; default 1. Ours runs on one" },
  runs: { type: "string", value: "R", help: "rounds; default 15, or 7 starts" },
  seconds: { type: "string", value: "S", help: "no further round of a batch after so long; default 10" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "npm --prefix bench/peers ci",
  "taperbert bench peers --shape mini",
  "taperbert bench peers --shape base --tokens 8,32 --peers onnxruntime-node --simd wide --json",
  "taperbert bench peers --batch ragged",
  "taperbert bench peers --start",
];

const about = `The peers live in bench/peers of a checkout, a package of its own that has to be installed first. All have the same random weights,
in the form that suits each best, and must give our logits (to 1e-4 in f32; 8 bits differ by what is printed) before anything is timed. They run in turn; times are medians, and
"÷ X" is how much longer one took than X: above 1, X is the faster. The machine's instruction set matters: onnxruntime-node uses AVX-512 and VNNI
where there are any, WebAssembly has neither.`;

const dtypes: readonly Dtype[] = ["f32", "int8"];

interface BatchReport {
  readonly lengths: readonly number[];
  /** Multiply–accumulates of the padded batch ÷ those of the real lengths. */
  readonly paddedToReal: number;
  readonly rows: readonly VersusRow[];
}

export async function benchPeers(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench peers", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const config = configOfShape(parseShape(values.shape ?? "base"));
  if (values.start) return start(config, values, io);
  const batches = batchesOf(values, config);
  const padding = batches.some((lengths) => Math.min(...lengths) < Math.max(...lengths));
  const { rivals, versions, missing } = await rivalsOf({ config, read: randomWeights(1) }, values, padding, io);
  const reports: BatchReport[] = [];
  try {
    const options = {
      runs: numberOf(values.runs, "runs", { least: 1, whole: true }),
      seconds: numberOf(values.seconds, "seconds", { least: 0 }),
    };
    for (const lengths of batches) {
      io.progress(`${lengths.length} texts of ${lengths.join(", ")} tokens`);
      const ids = lengths.map((tokens, t) => randomText(tokens, config.vocabulary, t + 1).ids);
      const rows = await versus(ids, rivals, options);
      reports.push({ lengths, paddedToReal: paddedToReal(config, lengths), rows });
    }
  } finally {
    for (const { session } of rivals) await session.dispose();
  }
  io.progress("");
  const where = await environment();
  const header = { shape: values.shape ?? "base", dtype: values.dtype ?? "f32", threads: Number(values.threads ?? 1) };
  if (values.json) printJson(io, { ...header, peers: versions, batches: reports, missing, environment: where });
  else {
    io.out(`${header.shape}, random weights, ${header.dtype}, peers on ${header.threads} thread(s); milliseconds`);
    for (const [name, version] of Object.entries(versions)) io.out(`${name} is ${version}`);
    for (const report of reports) for (const line of inWords(report)) io.out(line);
    for (const { name, absent } of missing) io.out(`${name}: ${absent}`);
    io.err(describeEnvironment(where));
  }
  return 0;
}

/** Each text alone, or one batch. */
function batchesOf({ tokens, batch }: Values<typeof flags>, config: BertConfig): (readonly number[])[] {
  if (batch === undefined) return lengthsOf(tokens ?? "8,16,32,64,128", "tokens", config).map((length) => [length]);
  if (tokens === undefined) return [batch === "ragged" ? raggedLengths : lengthsOf(batch, "batch", config)];
  throw new TaperError(
    "ERR_OPTION",
    "bench peers: --tokens and --batch are two runs, as the peers need a mask for the one and are faster without it for the other.",
  );
}

function lengthsOf(text: string, flag: string, { maxPositions }: BertConfig): number[] {
  const lengths = text.split(",").map((one) => numberOf(one, flag, { least: 1, whole: true })!);
  const long = lengths.find((length) => length > maxPositions);
  if (long === undefined) return lengths;
  throw new TaperError("ERR_OPTION", `--${flag}: expected at most ${maxPositions} tokens a text, found ${long}.`);
}

/** Ours first: the others' logits are compared with its. */
async function rivalsOf(weights: BertWeights, values: Values<typeof flags>, padding: boolean, io: Io) {
  const dtype = namesOf(values.dtype ?? "f32", "dtype", dtypes)[0];
  const threads = numberOf(values.threads, "threads", { least: 1, whole: true }) ?? 1;
  const wanted = namesOf(values.simd ?? "relaxed,wide", "simd", variants);
  const names = namesOf(values.peers, "peers", peerNames);
  const rivals: Rival[] = [];
  const versions: Partial<Record<PeerName, string>> = {};
  const missing: { name: PeerName | Variant; absent: string }[] = [];
  for (const variant of wanted) {
    const why = refusal(variant);
    if (why === undefined) rivals.push({ name: ourName(variant), session: openOurs(variant, weights, dtype), variant });
    else missing.push({ name: variant, absent: why });
  }
  if (rivals.length === 0)
    throw new TaperError("ERR_BACKEND", `bench peers: ${missing.map((m) => m.absent).join("; ")}`);
  for (const name of names) {
    io.progress(`loading ${name}`);
    const peer = await openPeer(name);
    if ("absent" in peer) missing.push(peer);
    else if (!peer.dtypes.includes(dtype)) missing.push({ name, absent: `has no ${dtype}` });
    else if (threads > peer.maxThreads)
      missing.push({ name, absent: `has no more than ${peer.maxThreads} thread here` });
    else {
      const session = await peer.bert(weights, { dtype, threads, padding });
      const tolerance = dtype === "f32" ? undefined : Number.POSITIVE_INFINITY;
      rivals.push({ name, session, tolerance });
      versions[name] = peer.version;
    }
  }
  return { rivals, versions, missing };
}

const ourName = (variant: string): string => `taperbert ${variant}`;

function inWords({ lengths, paddedToReal: padded, rows }: BatchReport): string[] {
  const ours = rows.map(({ by }) => by).filter((by) => by.startsWith(ourName("")));
  const heading = ["", "ms", ...ours.map((name) => `÷ ${name}`), "logits differ by"];
  const body = rows.map(({ by, ms, against, difference }, r) => [
    by,
    digits(ms.median),
    ...ours.map((name) => times(against[name])),
    r === 0 ? "" : difference.toExponential(1),
  ]);
  const what =
    lengths.length === 1
      ? `${lengths[0]} tokens`
      : `${lengths.length} texts of ${lengths.join(", ")} tokens; padded ÷ real arithmetic ${times(padded)}`;
  return ["", what, ...table([heading, ...body])];
}

async function start(config: BertConfig, values: Values<typeof flags>, io: Io): Promise<number> {
  const elsewhere = (["tokens", "batch", "peers", "simd", "dtype", "threads", "seconds"] as const).find(
    (flag) => values[flag] !== undefined,
  );
  if (elsewhere !== undefined) {
    throw new TaperError(
      "ERR_OPTION",
      `bench peers: --${elsewhere} does not go with --start, which takes --shape and --runs.`,
    );
  }
  io.progress("writing two models, then starting processes");
  const { ms, ratio } = await timeStart(config, { runs: numberOf(values.runs, "runs", { least: 1, whole: true }) });
  io.progress("");
  const where = await environment();
  const slower = ratio("onnxruntime-node", "taperbert").median;
  if (values.json) {
    printJson(io, { shape: values.shape ?? "base", start: ms, onnxruntimeToTaperbert: slower, environment: where });
    return 0;
  }
  io.out(`${values.shape ?? "base"}, random weights: from process start to the logits of 8 tokens, milliseconds`);
  const rows = Object.entries(ms).map(([name, { median, min, max }]) => [
    name,
    digits(median),
    digits(min),
    digits(max),
  ]);
  for (const line of table([["", "median", "min", "max"], ...rows])) io.out(line);
  io.out(`onnxruntime-node ÷ taperbert: ${times(slower)}`);
  io.err(describeEnvironment(where));
  return 0;
}
