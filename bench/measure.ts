/**
 * The project's one timing harness. What is compared runs interleaved, A B A B …, so that a machine that slows down slows
 * all of it down alike. It times whole calls and trusts no single one; it knows nothing of models.
 */
import { refuseUnknown, TaperError } from "../engine/errors.ts";
import { pairwiseRatios, type Summary, summarise } from "./statistics.ts";

export interface MeasureOptions {
  /** Rounds to time; each runs every function once. Default 20, or no limit if `seconds` is given. */
  readonly runs?: number | undefined;
  /** Stop after the first round that ends later than this. */
  readonly seconds?: number | undefined;
  /** Rounds to run first, untimed: caches fill, compilers settle. Default 2. */
  readonly warmup?: number | undefined;
  /** Called before every run of a function, untimed: brings back into caches what the others drove out. */
  readonly prepare?: ((name: string) => unknown) | undefined;
  /** Milliseconds from any fixed point. Default `performance.now`. */
  readonly clock?: (() => number) | undefined;
}

export interface Measurement<Name extends string> {
  /** Milliseconds of every round, by name; the rounds of all names are the same. */
  readonly samples: Readonly<Record<Name, readonly number[]>>;
  /** Milliseconds in summary, by name. */
  readonly ms: Readonly<Record<Name, Summary>>;
  /** How much longer `slow` took than `fast`, round by round. */
  ratio(slow: Name, fast: Name): Summary;
}

/**
 * Times functions, synchronous or not (a promise is awaited within its time).
 * Throws ERR_OPTION for unknown or impossible options, and whatever the functions throw.
 */
export async function measure<Name extends string>(
  functions: Readonly<Record<Name, () => unknown>>,
  options: MeasureOptions = {},
): Promise<Measurement<Name>> {
  refuseUnknown(options, ["runs", "seconds", "warmup", "prepare", "clock"], "measure()");
  const { seconds = Number.POSITIVE_INFINITY, warmup = 2, clock = () => performance.now() } = options;
  const runs = options.runs ?? (options.seconds === undefined ? 20 : Number.POSITIVE_INFINITY);
  if (!(runs >= 1 && seconds > 0 && warmup >= 0)) {
    throw new TaperError(
      "ERR_OPTION",
      `measure(): expected runs ≥ 1, seconds > 0 and warmup ≥ 0; found ${runs}, ${seconds} and ${warmup}.`,
    );
  }
  const names = Object.keys(functions) as Name[];
  const table = <T>(make: (name: Name) => T) =>
    Object.fromEntries(names.map((name) => [name, make(name)])) as Record<Name, T>;
  for (let round = 0; round < warmup; round++) for (const name of names) await functions[name]();

  const samples = table((): number[] => []);
  const deadline = clock() + 1000 * seconds;
  for (let round = 0; round < runs; round++) {
    for (const name of names) {
      const preparing = options.prepare?.(name);
      if (preparing instanceof Promise) await preparing;
      samples[name].push(await time(functions[name], clock));
    }
    if (clock() >= deadline) break;
  }
  return {
    samples,
    ms: table((name) => summarise(samples[name])),
    ratio: (slow, fast) => summarise(pairwiseRatios(samples[slow], samples[fast])),
  };
}

/** A synchronous function is not made to wait for the event loop. */
async function time(run: () => unknown, clock: () => number): Promise<number> {
  const start = clock();
  const result = run();
  if (result instanceof Promise) await result;
  return clock() - start;
}
