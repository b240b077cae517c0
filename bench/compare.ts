/**
 * Two sides (builds of this package, or models) against each other in one run: a pair of fresh processes takes turns round by round, then
 * a new pair. The unit is the pair: two processes of one build differ by a few percent for as long as they live (where memory lies,
 * what the compiler chose), and no number of rounds within one pair sees that. Both of a pair stay on one core where the system allows it, so
 * that neither has the busier one. What moved is decided by a sign test over pairs beside a least effect. Node only.
 */
import { coresToPin, MeasuredProcess, type RoundResult, type Task } from "./measured-process.ts";
import { median } from "./statistics.ts";

/** A change is one only if all of its interval lies beyond this. */
export const leastEffect = 0.03;

/** With 15 pairs the interval from the fourth to the twelfth ratio covers the true one in 96 of 100 runs, and bears three disturbed pairs. */
export const defaultPairs = 15;

export interface Side {
  readonly name: string;
  readonly task: Task;
}

export interface CompareOptions {
  readonly pairs?: number | undefined;
  /** Rounds of all pairs together take about so long. Default 20. */
  readonly seconds?: number | undefined;
  readonly leastEffect?: number | undefined;
  readonly progress?: ((line: string) => void) | undefined;
}

export type Verdict = "slower" | "faster" | "no difference";

export interface Change {
  /** What was timed: a way's name, or "tokenise". */
  readonly what: string;
  /** Milliseconds of a round over all texts: medians over all rounds. */
  readonly aMs: number;
  readonly bMs: number;
  /** B ÷ A: median over pairs of the medians over their rounds. */
  readonly ratio: number;
  /** Distribution-free, from the order of the pairs' ratios. */
  readonly low: number;
  readonly high: number;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly pairs: number;
  readonly rounds: number;
  readonly leastEffect: number;
  /** Whether both of a pair ran on one core. */
  readonly pinned: boolean;
  /** Probability that the interval holds the true ratio. */
  readonly coverage: number;
  readonly changes: readonly Change[];
  /** By way: products of one round, and the share of texts that both sides answered alike. */
  readonly work: Readonly<
    Record<string, { readonly aMacs: number; readonly bMacs: number; readonly agreement: number }>
  >;
}

interface PairRounds {
  readonly a: readonly RoundResult[];
  readonly b: readonly RoundResult[];
}

/** Both sides run the same texts and have ways of the same names. Throws what a side's process meets. */
export async function compareSides(a: Side, b: Side, options: CompareOptions = {}): Promise<Comparison> {
  const { pairs: count = defaultPairs, seconds = 20, leastEffect: least = leastEffect, progress } = options;
  // Threads need cores of their own.
  const cores = a.task.options.threads === 1 && b.task.options.threads === 1 ? coresToPin() : [];
  const pairs: PairRounds[] = [];
  for (let pair = 0; pair < count; pair++) {
    pairs.push(
      await runPair(a, b, {
        bFirst: pair % 2 === 1,
        core: cores[pair % cores.length],
        milliseconds: (1000 * seconds) / count,
      }),
    );
    progress?.(`pair ${pair + 1} of ${count}`);
  }
  const [first] = pairs;
  const names = Object.keys(first.a[0].ways);
  const times: readonly (readonly [string, (result: RoundResult) => number])[] = [
    ...names.map((name) => [name, ({ ways }: RoundResult) => ways[name].forwardMs] as const),
    ["tokenise", ({ ways }) => names.reduce((sum, name) => sum + ways[name].tokeniseMs, 0)],
  ];
  const { low, coverage } = signInterval(count);
  return {
    pairs: count,
    rounds: pairs.reduce((sum, pair) => sum + pair.a.length, 0),
    leastEffect: least,
    pinned: cores.length > 0,
    coverage,
    changes: times
      .filter(([what]) => what !== "tokenise" || a.task.texts.every(isCharacters))
      .map(([what, timeOf]) => changeOf(what, pairs, timeOf, low, least)),
    work: Object.fromEntries(
      names.map((name) => {
        const [ofA, ofB] = [first.a[0].ways[name], first.b[0].ways[name]];
        const same = ofA.answers.filter((label, t) => label === ofB.answers[t]).length;
        return [name, { aMacs: ofA.macs, bMacs: ofB.macs, agreement: same / ofA.answers.length }];
      }),
    ),
  };
}

const isCharacters = (text: Task["texts"][number]): boolean => typeof text === "string" || Array.isArray(text);

const warmupMilliseconds = 300;
const fewestRounds = 3;

interface PairPlan {
  readonly bFirst: boolean;
  readonly core: number | undefined;
  readonly milliseconds: number;
}

async function runPair(a: Side, b: Side, { bFirst, core, milliseconds }: PairPlan): Promise<PairRounds> {
  const sides = bFirst ? [b, a] : [a, b];
  const processes: MeasuredProcess[] = [];
  try {
    for (const { name, task } of sides) processes.push(await MeasuredProcess.start(name, task, core));
    await untilLate(warmupMilliseconds, 2, () => roundOf(processes));
    const rounds: RoundResult[][] = [];
    await untilLate(milliseconds, fewestRounds, async (round) => {
      // Who begins changes every round.
      const results = await roundOf(round % 2 === 0 ? processes : [...processes].reverse());
      rounds.push(round % 2 === 0 ? results : results.reverse());
    });
    const [of0, of1] = [rounds.map(([first]) => first), rounds.map(([, second]) => second)];
    return bFirst ? { a: of1, b: of0 } : { a: of0, b: of1 };
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
  }
}

/** One after the other: what runs at the same time disturbs each other. */
async function roundOf(processes: readonly MeasuredProcess[]): Promise<RoundResult[]> {
  const results: RoundResult[] = [];
  for (const process of processes) results.push(await process.round());
  return results;
}

async function untilLate(
  milliseconds: number,
  least: number,
  work: (round: number) => Promise<unknown>,
): Promise<void> {
  const until = performance.now() + milliseconds;
  for (let round = 0; round < least || performance.now() < until; round++) await work(round);
}

function changeOf(
  what: string,
  pairs: readonly PairRounds[],
  timeOf: (result: RoundResult) => number,
  lowIndex: number,
  least: number,
): Change {
  const all = (side: "a" | "b"): number[] => pairs.flatMap((pair) => pair[side].map(timeOf));
  const ratios = pairs
    .map(({ a, b }) => median(a.map((result, round) => timeOf(b[round]) / timeOf(result))))
    .sort((x, y) => x - y);
  const low = ratios[lowIndex];
  const high = ratios[ratios.length - 1 - lowIndex];
  return {
    what,
    aMs: median(all("a")),
    bMs: median(all("b")),
    ratio: median(ratios),
    low,
    high,
    verdict: verdictOf(low, high, least),
  };
}

/** A change needs its whole interval beyond the least effect. */
export function verdictOf(low: number, high: number, least: number): Verdict {
  if (low > 1 + least) return "slower";
  if (high < 1 / (1 + least)) return "faster";
  return "no difference";
}

/**
 * The interval of a median by the sign test: from the sorted sample at index `low` to that at n − 1 − `low`, the widest cut that still
 * covers 95 %, or the whole sample where n is too small for that. `coverage` = 1 − 2·P(Binomial(n, ½) ≤ low).
 */
export function signInterval(n: number): { readonly low: number; readonly coverage: number } {
  const tail = (k: number): number => {
    let term = 0.5 ** n;
    let sum = term;
    for (let i = 1; i <= k; i++) {
      term *= (n - i + 1) / i;
      sum += term;
    }
    return sum;
  };
  let low = 0;
  while (low + 1 < n / 2 && tail(low + 1) <= 0.025) low++;
  return { low, coverage: 1 - 2 * tail(low) };
}
