/**
 * Other libraries in the latency table: the same weights, the same texts, one at a time, taking turns with ours. Logits are compared before
 * anything is timed. One that is not there is a row that says so: a table that leaves out whom it could not run would flatter.
 */
import { join } from "node:path";
import { Checkpoint } from "../bert/checkpoint.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import { readSafetensorsFile } from "../engine/safetensors-file.ts";
import { type BertSession, type BertWeights, type Dtype, openPeer, peerNames } from "./peers/index.ts";
import { randomWeights } from "./random-model.ts";
import { sameLogits } from "./same-logits.ts";
import { figuresOf } from "./single-stream.ts";
import { sum } from "./statistics.ts";
import { stream, type Way } from "./stream.ts";
import type { Subject } from "./subject.ts";

export interface PeerRow {
  readonly name: string;
  /** Median over all queries, from ids to logits. */
  readonly ms?: number;
  /** Its time ÷ our dense model's, and ÷ ours with the dials that save most: sums over texts of medians. */
  readonly againstDense?: number;
  readonly againstNarrowed?: number;
  /** The largest difference of its logits from our dense model's. */
  readonly difference?: number;
  /** Why there are no figures. */
  readonly absent?: string;
}

/** Not a library of its own where Node is concerned. */
const transformers: PeerRow = {
  name: "@huggingface/transformers",
  absent: "not timed: in Node its pipeline runs onnxruntime-node",
};

/** Rows for a report that did not ask for peers. */
export const peersNotTimed: readonly PeerRow[] = [
  ...peerNames.map((name): PeerRow => ({ name, absent: "not timed: ask with --peers" })),
  transformers,
];

/** Texts that are timed, and of them those whose logits are compared. */
const mostTexts = 50;
const checkedTexts = 8;

export interface PeerOptions {
  readonly runs: number;
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

interface Contestant {
  readonly name: string;
  readonly session: BertSession;
  readonly difference: number;
}

/** Ours first, dense and narrowed, then every peer and what it computes in. */
export async function timePeers(subject: Subject, narrowed: string, options: PeerOptions): Promise<PeerRow[]> {
  const refusal = unfit(subject);
  if (refusal !== undefined) return [...peerNames.map((name): PeerRow => ({ name, absent: refusal })), transformers];
  const model = await subject.open();
  const contestants: Contestant[] = [];
  const absent: PeerRow[] = [];
  try {
    const expected = await denseLogits(model, subject);
    const weights = await weightsOf(subject);
    for (const name of peerNames) {
      options.progress(`loading ${name}`);
      const peer = await openPeer(name);
      if ("absent" in peer) {
        absent.push({ name, absent: peer.absent });
        continue;
      }
      for (const dtype of peer.dtypes) {
        const session = await peer.bert(weights, { dtype });
        try {
          const difference = await compareLogits(session, subject, expected, `${name} ${dtype}`, dtype);
          contestants.push({ name: `${name} ${dtype}`, session, difference });
        } catch (error) {
          await session.dispose();
          if (!(error instanceof TaperError)) throw error;
          absent.push({ name: `${name} ${dtype}`, absent: error.message });
        }
      }
    }
    return [...(await timeAll(model, subject, narrowed, contestants, options)), ...absent, transformers];
  } finally {
    for (const { session } of contestants) await session.dispose();
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

async function denseLogits(model: Model, { texts, ways }: Subject): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  for (const [t, { ids }] of texts.slice(0, checkedTexts).entries()) {
    logits.push((await model.forward([ids], ways.dense.options(t))).logits[0]);
  }
  return logits;
}

/** Throws ERR_BACKEND for another model's logits; 8 bits may differ, and by how much is reported. */
async function compareLogits(
  session: BertSession,
  { texts }: Subject,
  expected: readonly Float32Array[],
  who: string,
  dtype: Dtype,
): Promise<number> {
  const found: Float32Array[] = [];
  for (const { ids } of texts.slice(0, checkedTexts)) found.push((await session.run([ids]))[0]);
  return sameLogits(found, expected, who, dtype === "f32" ? 1e-3 : Number.POSITIVE_INFINITY);
}

async function timeAll(
  model: Model,
  { texts, ways }: Subject,
  narrowed: string,
  contestants: readonly Contestant[],
  { runs, seconds, progress }: PeerOptions,
): Promise<PeerRow[]> {
  const ours = (way: string): Way<readonly number[]> => ({
    prepare: (t) => texts[t].ids,
    run: (ids, t) => model.forward([ids], ways[way].options(t)),
  });
  const theirs = contestants.map(({ name, session }): [string, Way<readonly number[]>] => [
    name,
    { prepare: (t) => texts[t].ids, run: (ids) => session.run([ids]) },
  ]);
  const all = { "ours, dense": ours("dense"), "ours, narrowed": ours(narrowed), ...Object.fromEntries(theirs) };
  const timed = await stream<string, readonly number[]>(Math.min(mostTexts, texts.length), all, {
    runs,
    seconds,
    warmup: 2,
    between: (done, of) => progress(`peers: ${done} of ${of} queries`),
  });
  const figures = figuresOf(timed, "ours, dense");
  const total = (name: string): number => sum(figures[name].textMs);
  return Object.keys(all).map((name): PeerRow => {
    const difference = contestants.find((one) => one.name === name)?.difference;
    return {
      name,
      ms: figures[name].ms.p50,
      againstDense: total(name) / total("ours, dense"),
      againstNarrowed: total(name) / total("ours, narrowed"),
      ...(difference !== undefined && { difference }),
    };
  });
}
