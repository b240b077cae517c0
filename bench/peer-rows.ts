/**
 * Other libraries in the latency table: the same weights, the same texts, one at a time, taking turns with ours. Logits are compared before
 * anything is timed. One that is not there is a row that says so: a table that leaves out whom it could not run would flatter.
 */
import { join } from "node:path";
import { Checkpoint } from "../bert/checkpoint.ts";
import type { Model } from "../bert/model.ts";
import { readTokenizerOptions } from "../bert/tokenizer/load.ts";
import { TaperError } from "../engine/errors.ts";
import { readSafetensorsFile } from "../engine/safetensors-file.ts";
import {
  type BertWeights,
  type Dtype,
  openPeer,
  openTransformers,
  peerNames,
  sameIds,
  textPeerName,
} from "./peers/index.ts";
import { randomWeights } from "./random-model.ts";
import { sameLogits } from "./same-logits.ts";
import { figuresOf } from "./single-stream.ts";
import { sum } from "./statistics.ts";
import { stream, type Way } from "./stream.ts";
import type { Subject } from "./subject.ts";

export interface PeerRow {
  readonly name: string;
  /** Median over all queries, from ids to logits; with tokenisation where the name ends in "from text". */
  readonly ms?: number;
  /** Its time ÷ our dense model's, and ÷ ours with the dials that save most, from where it starts itself: sums over texts of medians. */
  readonly againstDense?: number;
  readonly againstNarrowed?: number;
  /** The largest difference of its logits from our dense model's. */
  readonly difference?: number;
  /** Why there are no figures. */
  readonly absent?: string;
}

/** Rows for a report that did not ask for peers. */
export const peersNotTimed: readonly PeerRow[] = noneTimed("not timed: ask with --peers");

function noneTimed(absent: string): PeerRow[] {
  return [...peerNames, textPeerName].map((name): PeerRow => ({ name, absent }));
}

/** What the name of a row ends with that was timed from characters, tokenisation included. */
const fromText = ", from text";

/** Texts that are timed, and of them those whose logits are compared. */
const mostTexts = 50;
const checkedTexts = 8;

export interface PeerOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

/** A way of running text number t that has shown that it gives our logits, or how far it is off. */
interface Contestant {
  readonly name: string;
  readonly difference: number;
  readonly run: (t: number) => Promise<unknown>;
  readonly dispose: () => Promise<void>;
}

/** What a library that was opened lets one check and time. */
interface Candidate extends Omit<Contestant, "name" | "difference"> {
  readonly logits: (t: number) => Promise<Float32Array>;
  /** Whether text t's logits can be compared; default always. Throws for another text than ours. */
  readonly comparable?: (t: number) => boolean;
}

/** Ours first, dense and narrowed, then every peer and what it computes in. */
export async function timePeers(subject: Subject, narrowed: string, options: PeerOptions): Promise<PeerRow[]> {
  const refusal = unfit(subject);
  if (refusal !== undefined) return noneTimed(refusal);
  const model = await subject.open();
  const contestants: Contestant[] = [];
  const absent: PeerRow[] = [];
  try {
    const weights = await weightsOf(subject);
    const enter = async (
      name: string,
      dtype: Dtype,
      { run, dispose, logits, comparable = () => true }: Candidate,
    ): Promise<void> => {
      try {
        const timed = subject.texts.slice(0, mostTexts).map((_, t) => t);
        const compared = timed.filter(comparable).slice(0, checkedTexts);
        if (compared.length === 0) {
          throw new TaperError("ERR_INPUT", "not timed: it cuts long texts off elsewhere; give texts that fit whole");
        }
        const found: Float32Array[] = [];
        for (const t of compared) found.push(await logits(t));
        const expected = await denseLogits(model, subject, compared);
        const difference = sameLogits(found, expected, name, dtype === "f32" ? 1e-3 : Number.POSITIVE_INFINITY);
        contestants.push({ name, difference, run, dispose });
      } catch (error) {
        await dispose();
        if (!(error instanceof TaperError)) throw error;
        absent.push({ name, absent: error.message });
      }
    };
    for (const name of peerNames) {
      options.progress(`loading ${name}`);
      const peer = await openPeer(name);
      if ("absent" in peer) absent.push({ name, absent: peer.absent });
      else {
        for (const dtype of peer.dtypes) {
          const session = await peer.bert(weights, { dtype });
          const run = (t: number) => session.run([subject.texts[t].ids]);
          const logits = async (t: number) => (await run(t))[0];
          await enter(`${name} ${dtype}`, dtype, { run, logits, dispose: () => session.dispose() });
        }
      }
    }
    options.progress(`loading ${textPeerName}`);
    const reading = await textCandidates(subject, weights);
    if ("absent" in reading) absent.push({ name: textPeerName, absent: reading.absent });
    else for (const { dtype, open } of reading.candidates) await enter(reading.name(dtype), dtype, await open());
    return [...(await timeAll(model, subject, narrowed, contestants, options)), ...absent];
  } finally {
    for (const { dispose } of contestants) await dispose();
    await model.dispose();
  }
}

/** Why peers cannot run this subject. */
function unfit({ config, texts }: Subject): string | undefined {
  if (config.task !== "sequence-classification")
    return `not timed: peers classify sequences; this model is for ${config.task}`;
  if (texts.some(({ segments }) => segments.some((segment) => segment !== 0)))
    return "not timed: peers take single texts";
  return undefined;
}

async function weightsOf({ directory, config }: Subject): Promise<BertWeights> {
  if (directory === undefined) return { config, read: randomWeights(1) };
  const file = join(directory, "model.safetensors");
  const checkpoint = new Checkpoint(await readSafetensorsFile(file), file);
  return { config, read: (name, shape) => checkpoint.tensor(name, shape).read() };
}

async function denseLogits(model: Model, { texts, ways }: Subject, which: readonly number[]): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (const t of which) logits.push((await model.forward([texts[t].ids], ways.dense.options(t))).logits[0]);
  return logits;
}

async function timeAll(
  model: Model,
  { texts, ways, encode }: Subject,
  narrowed: string,
  contestants: readonly Contestant[],
  { runs, seconds, progress }: PeerOptions,
): Promise<PeerRow[]> {
  const asRun = (run: (t: number) => Promise<unknown>): Way<undefined> => ({
    prepare: () => undefined,
    run: (_, t) => run(t),
  });
  const ours = (way: string, idsOf: (t: number) => readonly number[]): Way<undefined> =>
    asRun((t) => model.forward([idsOf(t)], ways[way].options(t)));
  const given = (t: number) => texts[t].ids;
  const all: Record<string, Way<undefined>> = {
    "ours, dense": ours("dense", given),
    "ours, narrowed": ours(narrowed, given),
  };
  if (encode !== undefined && contestants.some(({ name }) => name.endsWith(fromText))) {
    const tokenised = (t: number) => encode(t).ids;
    all[`ours, dense${fromText}`] = ours("dense", tokenised);
    all[`ours, narrowed${fromText}`] = ours(narrowed, tokenised);
  }
  for (const { name, run } of contestants) all[name] = asRun(run);
  const timed = await stream<string, undefined>(Math.min(mostTexts, texts.length), all, {
    runs,
    seconds,
    warmup: 2,
    between: (done, of) => progress(`peers: ${done} of ${of} queries`),
  });
  const figures = figuresOf(timed, "ours, dense");
  const total = (name: string): number => sum(figures[name].textMs);
  return Object.keys(all).map((name): PeerRow => {
    const difference = contestants.find((one) => one.name === name)?.difference;
    const start = name.endsWith(fromText) ? fromText : "";
    return {
      name,
      ms: figures[name].ms.p50,
      againstDense: total(name) / total(`ours, dense${start}`),
      againstNarrowed: total(name) / total(`ours, narrowed${start}`),
      ...(difference !== undefined && { difference }),
    };
  });
}

/** The library that reads texts itself, by what it computes in; it is given our vocabulary and must make our tokens of every text timed. */
async function textCandidates({ directory, source, texts }: Subject, weights: BertWeights) {
  const peer = await openTransformers();
  if ("absent" in peer) return { absent: peer.absent };
  if (directory === undefined || source === undefined) {
    return { absent: "not timed: it reads texts with a model's own vocabulary; use --model and --data" };
  }
  const timed = texts.slice(0, mostTexts);
  // Where the longest ends, or before: whatever was cut off was cut off there.
  const maxLength = Math.max(...timed.map(({ ids }) => ids.length));
  const tokenizer = { ...(await readTokenizerOptions(directory)), maxLength };
  const textOf = (t: number): string => source[t] as string;
  const name = (dtype: Dtype): string => `${peer.name} ${dtype}${fromText}`;
  const candidates = peer.dtypes.map((dtype) => ({
    dtype,
    async open(): Promise<Candidate> {
      const session = await peer.open(weights, tokenizer, { dtype });
      return {
        run: (t) => session.run(textOf(t)),
        logits: (t) => session.logits(textOf(t)),
        comparable: (t) => sameIds(session.ids(textOf(t)), texts[t].ids, { who: name(dtype), t, maxLength }),
        dispose: () => session.dispose(),
      };
    },
  }));
  return { name, candidates };
}
