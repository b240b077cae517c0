/** `taperbert bench kernels`: every kernel's rates as fractions of the machine's measured peaks; builds and peers interleaved. */
import { build, type Contender, peerContender } from "../bench/contenders.ts";
import { describeEnvironment, environment } from "../bench/environment.ts";
import { type ForwardShare, forwardShare, recording } from "../bench/forward-share.ts";
import { type KernelCase, kernelCases, type ProductShape } from "../bench/kernel-cases.ts";
import type { Temperature } from "../bench/kernel-operands.ts";
import { hasWeights, type KernelTiming, kernelRows, timeKernel } from "../bench/kernels.ts";
import { betterPeaks, type PeakMeter, type Peaks, peakMeter, type Yardstick } from "../bench/peaks.ts";
import { openPeer, type PeerName, peerNames } from "../bench/peers/index.ts";
import { randomModel, randomText } from "../bench/random-model.ts";
import { compilesFor, refusal } from "../bench/variants.ts";
import { configOfShape } from "../bert/config.ts";
import { TaperError } from "../engine/errors.ts";
import { type Variant, variants } from "../kernels/assembler/variant.ts";
import { wasmBackend } from "../kernels/backends/wasm.ts";
import { inferenceContracts } from "../kernels/index.ts";
import { type Absent, kernelReport } from "./bench-kernels-report.ts";
import { commonFlags, type Flags, namesOf, numberOf, parseFlags, printHelp, type Values } from "./flags.ts";
import { type Io, printJson } from "./io.ts";
import { parseShape } from "./shape-flags.ts";

/** What --only calls the share of a whole forward. */
const wholeForward = "forward";
const shareTokens: readonly number[] = [32, 128];
/** Softmax is of as many values as rows². */
const mostRows = 8192;
/** 256 MiB of them. */
const mostWeights = 2 ** 26;

const flags = {
  only: { type: "string", value: "K,K,…", help: 'these kernels, "forward" among them; default all' },
  rows: { type: "string", value: "N,N,…", help: "these numbers of rows; default: a list by kernel" },
  shape: {
    type: "string",
    value: "TEXT",
    help: "KxM: the products of K inputs and M outputs, any; else shapes whose name contains TEXT",
  },
  model: {
    type: "string",
    value: "SHAPE",
    help: 'of "forward": base, mini, tiny, or layers,hidden,heads,feed-forward',
  },
  tokens: {
    type: "string",
    value: "N,N,…",
    help: `of "forward": lengths of its text; default ${shareTokens.join(",")}`,
  },
  simd: { type: "string", value: "BUILD,…", help: "of plain, relaxed and wide (Node 24 on x64); default all" },
  cold: { type: "boolean", help: "also with weights that come from memory, rotated through more than any cache" },
  peers: { type: "string", value: "P,P,…", help: `the same products in ${peerNames.join(", ")}; default none` },
  runs: { type: "string", value: "R", help: "rounds a case; default 15" },
  ...commonFlags,
} as const satisfies Flags;

const examples = [
  "taperbert bench kernels",
  "taperbert bench kernels --only matmul --rows 1,8,128 --simd relaxed,wide --cold",
  "taperbert bench kernels --only matmul,matmulInt8 --shape 384x1536 --rows 5,25",
  "taperbert bench kernels --only matmul --peers onnxruntime-node,onnxruntime-web --json",
  "taperbert bench kernels --only forward",
  "taperbert bench kernels --only forward --model 12,128,2,512 --tokens 25,50",
];

const about = `One thread. Peaks are measured first and last, by loops that only multiply and add in registers, or only read memory: "of issue" and
"of read" are shares of the build's own. Builds run in turn, A B A B; times are medians. "drift" is how much slower than at its best the machine
was meanwhile, by a loop of fixed length timed in every round; rates are corrected by it. "at best" is the share of issue in the best rounds: far
above "of issue", somebody disturbed the others. "forward" is the time of the bare
matrix products of BERT-base (or --model) over that of its whole dense forward, one text.`;

export async function benchKernels(argv: readonly string[], io: Io): Promise<number> {
  const { values } = parseFlags("bench kernels", argv, flags);
  if (values.help) {
    printHelp(io, examples, about, flags);
    return 0;
  }
  const runs = numberOf(values.runs, "runs", { least: 1, whole: true });
  const { cases, tokens } = workFor(values);
  const wanted = namesOf(values.simd, "simd", variants);
  const peers = values.peers === undefined ? [] : namesOf(values.peers, "peers", peerNames);
  const refused: Absent[] = [];
  const meters = new Map<Variant, PeakMeter>();
  for (const variant of wanted) {
    const why = refusal(variant);
    if (why === undefined) meters.set(variant, await peakMeter(variant));
    else refused.push({ by: variant, why });
  }
  if (meters.size === 0) {
    throw new TaperError("ERR_BACKEND", `bench kernels: ${refused.map(({ why }) => why).join(" ")}`);
  }
  const before = await peaksOf(meters, io);
  const timings: KernelTiming[] = [];
  if (cases.length > 0) {
    const contenders = await contendersOf(meters, peers, refused);
    const temperatures: readonly Temperature[] = values.cold ? ["hot", "cold"] : ["hot"];
    for (const temperature of temperatures) {
      for (const one of cases) {
        if (temperature === "cold" && !hasWeights(one)) continue;
        io.progress(`${one.kernel} ${one.shape}, ${temperature}`);
        timings.push(...(await timeKernel(one, temperature, contenders, { runs })));
      }
    }
    for (const contender of contenders) await contender.dispose();
  }
  const shares: ForwardShare[] = [];
  if (tokens.length > 0) {
    for (const variant of meters.keys())
      shares.push(...(await sharesOf(variant, values.model ?? "base", tokens, runs, io)));
  }
  const after = await peaksOf(meters, io);
  const peaks = before.map((peak, i) => betterPeaks(peak, after[i]));
  io.progress("");
  const report = { peaks, rows: kernelRows(timings, peaks), shares, refused };
  const where = await environment();
  if (values.json) printJson(io, { threads: 1, ...report, environment: where });
  else {
    for (const line of kernelReport(report)) io.out(line);
    io.err(describeEnvironment(where));
  }
  return 0;
}

async function peaksOf(meters: ReadonlyMap<Variant, PeakMeter>, io: Io): Promise<Peaks[]> {
  const peaks: Peaks[] = [];
  for (const [variant, meter] of meters) {
    io.progress(`peaks of ${variant}`);
    peaks.push(await meter.measure());
  }
  return peaks;
}

async function contendersOf(
  meters: ReadonlyMap<Variant, PeakMeter>,
  peers: readonly PeerName[],
  refused: Absent[],
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const [variant, { yardstick }] of meters) {
    compilesFor(variant);
    contenders.push(build(variant, wasmBackend({ variant }), yardstick));
  }
  // Compiled by themselves, or under the flags of a build that asks for none.
  const measured = [...meters].map(([variant, { yardstick }]): [Variant, Yardstick] => [variant, yardstick]);
  const [variant, yardstick] = measured.find(([name]) => name !== "wide") ?? measured[0];
  for (const name of peers) {
    const peer = await openPeer(name);
    if ("absent" in peer) refused.push({ by: name, why: peer.absent });
    else contenders.push(peerContender(peer, variant === "wide" ? "relaxed" : variant, yardstick));
  }
  return contenders;
}

async function sharesOf(
  variant: Variant,
  name: string,
  tokens: readonly number[],
  runs: number | undefined,
  io: Io,
): Promise<ForwardShare[]> {
  compilesFor(variant);
  const backend = recording(wasmBackend({ variant }));
  const config = configOfShape(parseShape(name));
  io.progress(`${name} on ${variant}`);
  const model = randomModel(config, {}, backend, 1);
  try {
    const shares: ForwardShare[] = [];
    for (const count of tokens) {
      io.progress(`${name} on ${variant}, ${count} tokens`);
      const text = randomText(count, config.vocabulary, 1);
      shares.push(await forwardShare(name, model, backend, text, { variant, runs }));
    }
    return shares;
  } finally {
    await model.dispose();
  }
}

/** What --only, --rows and --shape ask for. Throws ERR_OPTION if that is nothing. */
function workFor(values: Values<typeof flags>): { cases: readonly KernelCase[]; tokens: readonly number[] } {
  const names = inferenceContracts.map(({ name }) => name as string);
  const only = namesOf(values.only, "only", [...names, wholeForward]);
  const rows = numbersOf(values.rows, "rows", mostRows);
  const part = values.shape?.replace(/\s*[x×]\s*/g, " × ");
  const cases = kernelCases({ rows, products: productsOf(part) }).filter(
    ({ kernel, shape }) => only.includes(kernel) && shape.includes(part ?? ""),
  );
  const lengths = numbersOf(values.tokens, "tokens") ?? shareTokens.filter((count) => rows?.includes(count) ?? true);
  const tokens = only.includes(wholeForward) && part === undefined ? lengths : [];
  if (cases.length + tokens.length > 0) return { cases, tokens };
  throw new TaperError(
    "ERR_OPTION",
    "bench kernels: --only, --rows and --shape leave nothing to run; widen one of them.",
  );
}

/** The product that --shape names, if it names one. */
function productsOf(shape: string | undefined): readonly ProductShape[] | undefined {
  const [, k, m] = /^(\d+) × (\d+)$/.exec(shape ?? "")?.map(Number) ?? [];
  if (k === undefined) return undefined;
  if (k * m >= 1 && k * m <= mostWeights) return [[k, m]];
  throw new TaperError("ERR_OPTION", `--shape: expected 1 to ${mostWeights} weights, found ${k} × ${m}.`);
}

function numbersOf(text: string | undefined, flag: string, most?: number): readonly number[] | undefined {
  return text?.split(",").map((one) => numberOf(one, flag, { least: 1, most, whole: true })!);
}
