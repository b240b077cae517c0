/**
 * Everything that `bench latency` measures of one subject, in one run: the ablation on a single stream, with a roofline beside it, offline
 * throughput, cold starts in fresh processes, and the fingerprint of where it was taken. It prints nothing. Node only.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BertConfig } from "../bert/config.ts";
import type { Dtype } from "../bert/dtype.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import { hashOf } from "../engine/random.ts";
import type { Variant } from "../kernels/assembler/variant.ts";
import { type AblationRow, ablationRows } from "./ablation.ts";
import { type ColdStart, coldStart } from "./cold-start.ts";
import { type Fingerprint, fingerprint, loadNow } from "./fingerprint.ts";
import { builtDirectory, type Task } from "./measured-process.ts";
import { type OfflineRow, offline } from "./offline.ts";
import { peakMemory } from "./peak-memory.ts";
import { peakMeter, readBuffers } from "./peaks.ts";
import { type PeerRow, peersNotTimed, timePeers } from "./peer-rows.ts";
import { randomDirectory } from "./random-directory.ts";
import type { Roof } from "./roofline.ts";
import { narrowestWay, type Subject } from "./subject.ts";
import { Yardstick } from "./timing-loop.ts";
import { type Observed, observe, timeWays } from "./ways.ts";

export interface LatencyOptions {
  /** Rounds over all texts. */
  readonly runs: number;
  /** Stop the single stream after so long; offline takes a quarter of it more. */
  readonly seconds: number;
  /** Fresh processes to start cold; 0 for none. */
  readonly coldStarts: number;
  /** Batch sizes of the offline scenario; none leave it out. */
  readonly batches: readonly number[];
  readonly threads: Fingerprint["threads"];
  readonly packageRoot: string;
  /** The directory whose vocabulary random weights get in fresh processes. */
  readonly vocabulary: string;
  /** Time other libraries, too. */
  readonly peers: boolean;
  /** Name of the backend asked for, for fresh processes. */
  readonly backend?: Task["options"]["backend"];
  readonly progress: (line: string) => void;
}

export interface LatencyReport {
  readonly kind: "latency";
  readonly model: string;
  readonly note?: string;
  readonly texts: number;
  /** Of these, timed: fewer if time ran out. */
  readonly timedTexts: number;
  readonly tokens: number;
  readonly runs: number;
  /** Of the texts' ids: equal in two reports that timed the same texts. */
  readonly textsHash: string;
  /** Whether queries begin at characters; else at random ids. */
  readonly tokenised: boolean;
  readonly ablation: readonly AblationRow[];
  readonly roof?: Roof;
  readonly offline: readonly OfflineRow[];
  /** Of this process: loading the model, and the most memory it had until the stream ended. */
  readonly loadMs: number;
  readonly peakBytes: number;
  /** Or why there is none. */
  readonly coldStart?: ColdStart | { readonly absent: string };
  /** Other libraries on the same texts, or why they are not here. */
  readonly peers: readonly PeerRow[];
  readonly fingerprint: Fingerprint;
}

/** The report, and what was observed on the way: answers and traces by way. */
export interface Measured {
  readonly report: LatencyReport;
  readonly observed: Readonly<Record<string, Observed>>;
}

export async function measureLatency(subject: Subject, options: LatencyOptions): Promise<Measured> {
  const loadBefore = loadNow();
  const { texts, ways, encode, config } = subject;
  const yardstick = new Yardstick();
  const loadStart = performance.now();
  const model = await subject.open();
  const loadMs = performance.now() - loadStart;
  const { name, variant } = model.backend;
  const { dtype } = model;
  let timed: Awaited<ReturnType<typeof timeWays<string>>>;
  let offlineRows: OfflineRow[];
  try {
    timed = await timeWays(model, texts, ways, "dense", {
      runs: options.runs,
      seconds: options.seconds,
      encode,
      between: (done, of) => {
        if (done % 10 === 1) yardstick.measure();
        options.progress(`single stream: ${done} of ${of} queries each way`);
      },
    });
    options.progress("offline");
    offlineRows = await offlineOf(model, subject, options);
  } finally {
    await model.dispose();
  }
  const peakBytes = peakMemory();
  yardstick.measure();
  const roof = name === "wasm" ? await roofOf(variant as Variant, config, dtype) : undefined;
  const observed = await observe(subject.open, texts, ways, roof, (line) => options.progress(line));
  const { runs, seconds, progress } = options;
  const peers = options.peers
    ? await timePeers(subject, narrowestWay(subject), { runs, seconds, progress })
    : peersNotTimed;
  const simd = name === "wasm" ? (variant as Variant) : undefined;
  const cold = options.coldStarts > 0 ? await coldStartOf(subject, options, simd, dtype) : undefined;
  options.progress("");
  const titles = Object.fromEntries(Object.entries(ways).map(([way, { title }]) => [way, title]));
  const meaningful = subject.directory !== undefined;
  const report: LatencyReport = {
    kind: "latency",
    model: subject.name,
    ...(subject.note !== undefined && { note: subject.note }),
    texts: texts.length,
    timedTexts: timed.texts,
    tokens: texts.reduce((sum, { ids }) => sum + ids.length, 0),
    runs: options.runs,
    textsHash: hashOf(JSON.stringify(texts.map(({ ids }) => ids))).toString(16),
    tokenised: encode !== undefined,
    ablation: ablationRows({
      config,
      titles,
      observed,
      figures: timed.figures,
      labels: meaningful ? subject.labels : undefined,
      meaningful,
    }),
    ...(roof && { roof }),
    offline: offlineRows,
    loadMs,
    peakBytes,
    ...(cold && { coldStart: cold }),
    peers,
    fingerprint: await fingerprint({
      backend: { name, variant },
      dtype,
      threads: options.threads,
      directory: subject.directory,
      packageRoot: options.packageRoot,
      loadBefore,
      timingLoop: yardstick.figures,
    }),
  };
  return { report, observed };
}

/** Dense against the most that the model saves. */
function offlineOf(
  model: Model,
  { texts, ways }: Subject,
  { batches, seconds }: LatencyOptions,
): Promise<OfflineRow[]> {
  const { dense } = ways;
  const narrowed = ways.both ?? ways.skim ?? ways.exit;
  const all = { dense: dense.options(0), ...(narrowed && { narrowed: narrowed.options(0) }) };
  return offline(model, texts, all, { batches, seconds: seconds / 4 });
}

/** Weights are read once a forward: how fast, depends on which cache holds all of them. */
async function roofOf(variant: Variant, { layers, d, f }: BertConfig, dtype: Dtype): Promise<Roof> {
  const weightBytes = (dtype === "int8" ? 1 : 4) * layers * (4 * d * d + 2 * d * f);
  const buffer = readBuffers.find((bytes) => bytes >= weightBytes) ?? readBuffers[readBuffers.length - 1];
  const { flopsPerSecond, int8OpsPerSecond, reads } = await (await peakMeter(variant, { buffers: [buffer] })).measure();
  // The plain build has no instruction for bytes: its roof is the floats' one.
  const issue = dtype === "int8" ? (int8OpsPerSecond ?? flopsPerSecond) : flopsPerSecond;
  return { macsPerSecond: issue / 2, bytesPerSecond: reads[0].bytesPerSecond };
}

async function coldStartOf(
  subject: Subject,
  { coldStarts, backend, threads, vocabulary, progress }: LatencyOptions,
  simd: Variant | undefined,
  dtype: Dtype,
): Promise<ColdStart | { absent: string }> {
  progress("cold starts");
  const { source, texts, ways, config, taper } = subject;
  const way = ways.both ?? ways.skim ?? ways.exit ?? ways.dense;
  try {
    const build = join(builtDirectory(), "index.js");
    const temporary =
      subject.directory === undefined
        ? await randomDirectory(config, taper, 1, await readFile(join(vocabulary, "vocab.txt"), "utf8"))
        : undefined;
    try {
      const task: Task = {
        build,
        model: subject.directory ?? temporary!.path,
        options: { threads: threads.count, backend, simd, dtype },
        texts: [source?.[0] ?? texts[0]],
        ways: [{ name: "first", dials: way.options(0) }],
      };
      return await coldStart(task, coldStarts);
    } finally {
      await temporary?.remove();
    }
  } catch (error) {
    if (error instanceof TaperError) return { absent: error.message };
    throw error;
  }
}
