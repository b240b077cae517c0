/** The timing harness with a clock of our own: what runs in which order, and what is counted. */
import { expect, it } from "vitest";
import { environment } from "../../bench/environment.ts";
import { measure } from "../../bench/measure.ts";

/** Functions that take as long as they say, by a clock that only they move. */
function simulated() {
  const state = { now: 0 };
  const calls: string[] = [];
  const taking = (name: string, milliseconds: () => number) => () => {
    calls.push(name);
    state.now += milliseconds();
  };
  return { calls, taking, state, clock: () => state.now };
}

it("interleaves A B A B and leaves the warm-up out", async () => {
  const { calls, taking, clock } = simulated();
  const { samples, ms, ratio } = await measure(
    { slow: taking("A", () => 6), fast: taking("B", () => 2) },
    { runs: 3, warmup: 1, clock },
  );
  expect(calls.join("")).toBe("ABABABAB");
  expect(samples).toEqual({ slow: [6, 6, 6], fast: [2, 2, 2] });
  expect(ms.slow.median).toBe(6);
  expect(ratio("slow", "fast").median).toBe(3);
});

it("takes ratios round by round, so a machine that slows down does not move them", async () => {
  const { taking, clock } = simulated();
  let load = 1;
  const { ratio } = await measure(
    { slow: taking("A", () => 4 * load), fast: taking("B", () => load++) },
    { runs: 5, warmup: 0, clock },
  );
  expect(ratio("slow", "fast")).toMatchObject({ min: 4, median: 4, max: 4 });
});

it("prepares each function before its turn, outside its time", async () => {
  const { calls, taking, state, clock } = simulated();
  const prepare = (name: string) => {
    calls.push(`${name}:`);
    state.now += 100;
  };
  const { samples } = await measure(
    { a: taking("A", () => 1), b: taking("B", () => 2) },
    { runs: 2, warmup: 0, prepare, clock },
  );
  expect(calls.join("")).toBe("a:Ab:Ba:Ab:B");
  expect(samples).toEqual({ a: [1, 1], b: [2, 2] });
});

it("stops after the seconds given, with at least one round", async () => {
  const { taking, clock } = simulated();
  const four = await measure({ a: taking("A", () => 300) }, { seconds: 1, warmup: 0, clock });
  expect(four.samples.a).toHaveLength(4);
  const one = await measure({ a: taking("A", () => 300) }, { seconds: 0.001, warmup: 0, clock });
  expect(one.samples.a).toHaveLength(1);
});

it("awaits what is asynchronous within its time", async () => {
  const { state, clock } = simulated();
  const { samples } = await measure(
    {
      a: async () => {
        await Promise.resolve();
        state.now += 7;
      },
    },
    { runs: 2, warmup: 0, clock },
  );
  expect(samples.a).toEqual([7, 7]);
});

it("passes errors on and refuses unknown options", async () => {
  const fail = () => {
    throw new Error("broken");
  };
  await expect(measure({ fail }, { runs: 1 })).rejects.toThrow("broken");
  await expect(measure({}, { run: 1 } as object)).rejects.toThrow(/did you mean "runs"/);
  await expect(measure({}, { runs: 0 })).rejects.toMatchObject({ code: "ERR_OPTION" });
});

it("says where it ran", async () => {
  const where = await environment();
  expect(where.node).toBe(process.versions.node);
  expect(where.cores).toBeGreaterThan(0);
  expect(where.platform).toContain(process.arch);
});
