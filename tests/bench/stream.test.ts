/** The single stream on a clock of its own: what is timed, in which order, and what comes out of it. */
import { expect, it } from "vitest";
import { figuresOf } from "../../bench/single-stream.ts";
import { queryMs, type Stream, stream, type Way } from "../../bench/stream.ts";

/** Ways that move the clock: `slow` takes twice the time of `fast`, and text t takes t + 1 milliseconds. */
function setup() {
  const log: string[] = [];
  const time = { now: 0 };
  const way = (name: string, factor: number): Way<number> => ({
    prepare: (t) => {
      time.now += 0.5;
      return t;
    },
    run: async (t) => {
      log.push(`${name}${t}`);
      time.now += factor * (t + 1);
    },
  });
  return { log, clock: () => time.now, ways: { fast: way("f", 1), slow: way("s", 2) }, time };
}

it("interleaves the ways on every text, in an order that rotates", async () => {
  const { log, clock, ways } = setup();
  await stream(2, ways, { runs: 2, warmup: 0, clock });
  expect(log.join(" ")).toBe("f0 s0 s1 f1 s0 f0 f1 s1");
});

it("lets a way answer a block of texts in a row, the last block shorter", async () => {
  const { log, clock, ways } = setup();
  const { queries } = await stream(3, ways, { runs: 2, warmup: 0, block: 2, clock });
  expect(log.join(" ")).toBe("f0 f1 s0 s1 s2 f2 s0 s1 f0 f1 f2 s2");
  expect(queries).toBe(6);
});

it("keeps preparation and run apart, and warms up untimed", async () => {
  const { log, clock, ways } = setup();
  const { samples, texts, queries } = await stream(2, ways, { runs: 3, warmup: 2, clock });
  expect([texts, queries, log.length]).toEqual([2, 6, 20]);
  expect(samples.slow[1]).toEqual(new Array(3).fill({ prepareMs: 0.5, runMs: 4 }));
  expect(queryMs(samples.fast)).toEqual([1.5, 1.5, 1.5, 2.5, 2.5, 2.5]);
});

it("stops when time is up, with the same rounds of every way, and leaves out what it did not reach", async () => {
  const { clock, ways } = setup();
  const { samples, texts, queries } = await stream(5, ways, { runs: 9, seconds: 0.01, warmup: 0, clock });
  expect([texts, queries]).toEqual([2, 2]);
  expect(samples.fast.map((rounds) => rounds.length)).toEqual([1, 1]);
  expect(samples.slow.map((rounds) => rounds.length)).toEqual([1, 1]);
});

it("figures: ratios of sums of medians against the base, tokenisation apart", async () => {
  const { clock, ways } = setup();
  const { slow, fast } = figuresOf(await stream(3, ways, { runs: 2, clock }), "slow");
  expect([slow.speedup, fast.speedup]).toEqual([1, 2]);
  expect(fast.speedupInterval).toEqual({ low: 2, high: 2 });
  expect(fast).toMatchObject({ queries: 6, tokeniseMs: 0.5, forwardMs: 2, mean: 2.5, textMs: [1, 2, 3] });
  expect(fast.meanInterval.low).toBeGreaterThanOrEqual(1.5);
  expect(fast.meanInterval.high).toBeLessThanOrEqual(3.5);
});

it("resamples rounds where there is only one text", () => {
  const rounds = (ms: readonly number[]) => [ms.map((runMs) => ({ prepareMs: 0, runMs }))];
  const one: Stream<"a" | "b"> = { samples: { a: rounds([2, 4, 6]), b: rounds([1, 2, 3]) }, texts: 1, queries: 3 };
  const { a, b } = figuresOf(one, "a");
  expect(b.speedupInterval).toEqual({ low: 2, high: 2 });
  expect(a.meanInterval.low).toBeLessThan(a.mean);
});

it.each([{ runs: 0 }, { seconds: 0 }, { warmup: -1 }])("refuses %j", async (options) => {
  await expect(stream(1, setup().ways, options)).rejects.toMatchObject({ code: "ERR_OPTION" });
});
