/**
 * A single stream of texts, as in MLPerf's scenario of that name: one text at a time, from its characters to its logits, tokenisation
 * included and also apart. Several ways of running the model are interleaved, text by text or block by block, in an order that rotates, and
 * rounds go over all texts, so that a machine that slows down slows every way alike. It keeps raw samples and draws no conclusions.
 * Source: Reddi et al., MLPerf Inference Benchmark, https://arxiv.org/abs/1911.02549
 */
import { TaperError } from "../engine/errors.ts";

/** One way of running text number t, taken apart: `prepare` makes ids of a text, `run` answers them. */
export interface Way<Ids> {
  readonly prepare: (t: number) => Ids;
  readonly run: (ids: Ids, t: number) => Promise<unknown>;
}

/** Milliseconds of one query. */
export interface Sample {
  readonly prepareMs: number;
  readonly runMs: number;
}

export interface StreamOptions {
  /** Rounds over all texts. Default 5. */
  readonly runs?: number;
  /** Stop after the first block that ends later than this. Default: no limit. */
  readonly seconds?: number;
  /** Rounds over all texts to run first, untimed. Default 1. */
  readonly warmup?: number;
  /**
   * Texts that a way answers in a row before the next way answers the same ones. Default 1. Where ways run different parameters, each
   * drives the other's out of the caches at every turn; with a block each finds them as its own traffic would leave them.
   */
  readonly block?: number;
  /** Called between blocks, outside every time. */
  readonly between?: (done: number, of: number) => void;
  readonly clock?: () => number;
}

export interface Stream<Name extends string> {
  /** By way, by text, by round; every way has the same rounds of a text. Texts that time did not reach are not here. */
  readonly samples: Readonly<Record<Name, readonly (readonly Sample[])[]>>;
  /** Texts that were timed. */
  readonly texts: number;
  /** Queries of each way. */
  readonly queries: number;
}

/** Throws ERR_OPTION for impossible numbers, and whatever the ways throw. */
export async function stream<Name extends string, Ids>(
  texts: number,
  ways: Readonly<Record<Name, Way<Ids>>>,
  options: StreamOptions = {},
): Promise<Stream<Name>> {
  const {
    runs = 5,
    seconds = Number.POSITIVE_INFINITY,
    warmup = 1,
    block = 1,
    between,
    clock = () => performance.now(),
  } = options;
  if (!(texts >= 1 && runs >= 1 && seconds > 0 && warmup >= 0 && block >= 1)) {
    const found = `${texts} texts, ${runs} runs, ${seconds} seconds, warmup ${warmup}, block ${block}`;
    throw new TaperError(
      "ERR_OPTION",
      `stream: expected a text, runs ≥ 1, seconds > 0, warmup ≥ 0 and block ≥ 1; found ${found}.`,
    );
  }
  const names = Object.keys(ways) as Name[];
  const samples = Object.fromEntries(
    names.map((name) => [name, Array.from({ length: texts }, (): Sample[] => [])]),
  ) as Record<Name, Sample[][]>;
  const query = async (name: Name, t: number): Promise<Sample> => {
    const way = ways[name];
    const start = clock();
    const ids = way.prepare(t);
    const prepared = clock();
    await way.run(ids, t);
    return { prepareMs: prepared - start, runMs: clock() - prepared };
  };
  for (let round = 0; round < warmup; round++) {
    for (let t = 0; t < texts; t++) for (const name of names) await query(name, t);
  }

  const deadline = clock() + 1000 * seconds;
  let queries = 0;
  for (let round = 0; round < runs; round++) {
    for (let from = 0; from < texts; from += block) {
      const to = Math.min(from + block, texts);
      for (let i = 0; i < names.length; i++) {
        const name = names[(i + Math.floor(from / block) + round) % names.length];
        for (let t = from; t < to; t++) samples[name][t].push(await query(name, t));
      }
      queries += to - from;
      between?.(queries, runs * texts);
      if (clock() >= deadline) return finish(samples, queries);
    }
  }
  return finish(samples, queries);
}

function finish<Name extends string>(samples: Record<Name, Sample[][]>, queries: number): Stream<Name> {
  const timed = Object.entries<Sample[][]>(samples).map(([name, byText]) => [
    name,
    byText.filter((of) => of.length > 0),
  ]);
  const table = Object.fromEntries(timed) as Record<Name, Sample[][]>;
  return { samples: table, texts: Object.values<Sample[][]>(table)[0].length, queries };
}

/** Milliseconds of every query, text after text: from characters to logits. */
export const queryMs = (byText: readonly (readonly Sample[])[]): number[] =>
  byText.flatMap((samples) => samples.map(({ prepareMs, runMs }) => prepareMs + runMs));
