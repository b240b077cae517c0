/** The page of results: plans are checked, figures are right on answers made by hand, and the page follows from the records. */
import { describe, expect, it } from "vitest";
import { paired } from "../../bench/paired.ts";
import type { Answers } from "../../bench/results/answers.ts";
import { type Results, resultsPage } from "../../bench/results/page.ts";
import { parsePlan } from "../../bench/results/plan.ts";
import { differenceOf, figuresOf } from "../../bench/results/record.ts";
import type { ModelRecord } from "../../bench/results/run.ts";
import { Random } from "../../engine/random.ts";

const task = {
  name: "toy",
  data: ["toy.tsv"],
  models: [{ name: "dense", role: "dense", directory: "runs/toy" }],
};

describe("a plan", () => {
  it("fills in what is left out", () => {
    const [read] = parsePlan({ tasks: [task] }, "plan.json");
    expect(read).toMatchObject({
      kind: "classification",
      buckets: [35, 70],
      bigrams: [],
      published: [],
      timedTexts: 100,
    });
    expect(read.models[0]).toMatchObject({ dials: undefined, curve: [] });
  });

  it.each([
    [{}, /"tasks": expected a list/],
    [{ tasks: [{ ...task, data: [] }] }, /task 1: "data": expected a list of test files/],
    [{ tasks: [{ ...task, buckets: [9, 3] }] }, /"buckets": expected two rising numbers/],
    [{ tasks: [{ ...task, models: [{ ...task.models[0], role: "ours" }] }] }, /a first model with role "dense"/],
    [{ tasks: [{ ...task, models: [{ ...task.models[0], role: "best" }] }] }, /models 1: "role": expected/],
    [{ tasks: [{ ...task, models: [{ ...task.models[0], curve: [{ skip: 1 }] }] }] }, /models 1: curve 1/],
    [{ tasks: [{ ...task, model: [] }] }, /did you mean "models"/],
  ])("refuses %j", (json, message) => {
    expect(() => parsePlan(json, "plan.json")).toThrow(message);
  });
});

/** One answer a text, each text of as many tokens as `lengths` says. */
function answers(right: readonly boolean[], lengths: readonly number[], macsPerToken: number): Answers {
  return {
    starts: [...right.keys(), right.length],
    answers: right.map((is) => (is ? 1 : 0)),
    truth: right.map(() => 1),
    lengths,
    macs: lengths.map((n) => n * macsPerToken),
    denseMacs: lengths.map((n) => n * 12),
    overheadMacs: lengths.length,
    paddedMacs: 24 * lengths.reduce((a, b) => a + b, 0),
    meanExitLayer: 2,
    kept: [1, 0.5],
  };
}

describe("figures", () => {
  const lengths = [5, 20, 50, 8];
  const reference = answers([true, true, true, false], lengths, 12);
  const ours = answers([true, false, true, false], lengths, 3);

  it("are ratios of sums, in all and by length", () => {
    const { buckets, ...all } = figuresOf(ours, reference, [10, 30]);
    expect(all).toMatchObject({ texts: 4, asked: 4, accuracy: 0.5, speedup: 4, paddedSpeedup: 8 });
    expect(all.overhead).toBeCloseTo(4 / (3 * 83), 12);
    expect(buckets).toEqual([
      { from: 1, to: 10, texts: 2, accuracy: 0.5, speedup: 4 },
      { from: 11, to: 30, texts: 1, accuracy: 0, speedup: 4 },
      { from: 31, texts: 1, accuracy: 1, speedup: 4 },
    ]);
  });

  it("leave out a bucket without texts", () => {
    expect(figuresOf(ours, reference, [6, 7]).buckets.map(({ texts }) => texts)).toEqual([1, 3]);
  });

  it("differ as the paired interval says, where each text has one answer", () => {
    const random = new Random(3);
    const draw = (): boolean[] => Array.from({ length: 300 }, () => random.uniform() < 0.8);
    const many = new Array<number>(300).fill(10);
    const [first, second] = [answers(draw(), many, 3), answers(draw(), many, 3)];
    const expected = paired(first.answers, second.answers, first.truth);
    const found = differenceOf(first, second);
    for (const name of ["difference", "low", "high", "agreement"] as const)
      expect(found[name]).toBeCloseTo(expected[name], 12);
  });

  it("take a text with several answers as one draw", () => {
    const grouped = { ...answers([true, true, false, false], [5, 5], 1), starts: [0, 2, 4] };
    const other = { ...answers([false, false, true, true], [5, 5], 1), starts: [0, 2, 4] };
    const { difference, low, high } = differenceOf(grouped, other);
    expect(difference).toBe(0);
    // Two texts, one better by both of its words and one worse: twice the margin of four single ones, but for n ÷ (n − 1).
    const single = differenceOf(
      answers([true, true, false, false], [5, 5, 5, 5], 1),
      answers([false, false, true, true], [5, 5, 5, 5], 1),
    );
    expect((high - low) / (single.high - single.low)).toBeCloseTo(Math.sqrt((2 * 2) / (4 / 3)), 9);
  });
});

describe("the page", () => {
  const row = (changes: Partial<ModelRecord>): ModelRecord => ({
    ...figuresOf(
      answers([true, true, true, false], [5, 20, 50, 8], 12),
      answers([true, true, true, false], [5, 20, 50, 8], 12),
      [10, 30],
    ),
    name: "dense",
    role: "dense",
    directory: "runs/toy",
    layers: 2,
    hash: "0",
    dials: { skim: false, exit: false },
    ...changes,
  });
  const results = (bigrams: number, models: ModelRecord[]): Results => ({
    schemaVersion: 1,
    command: "taperbert bench results",
    tasks: [
      {
        name: "toy",
        kind: "classification",
        data: ["toy.tsv"],
        published: [{ name: "LTP", figures: "2.09×" }],
        bigrams,
        models,
        environment: "a machine",
      },
    ],
  });

  it("says of every task where it was timed", () => {
    expect(resultsPage(results(0.7, [row({})]))).toContain("\nTimed on a machine.\n");
  });

  it("says first how far dense stays below bigrams, and only then", () => {
    expect(resultsPage(results(0.8, [row({})])).split("\n")[2]).toBe(
      "On toy the dense model stays 5.0 points below a bag of bigrams (75.0 % against 80.0 %).",
    );
    expect(resultsPage(results(0.7, [row({})]))).not.toContain("stays");
  });

  it("compares with the cheapest static model at least as accurate, and gives means over seeds", () => {
    const models = [
      row({ gflops: 12 }),
      row({ name: "two layers", role: "static", gflops: 2, accuracy: 0.75 }),
      row({ name: "one layer", role: "static", gflops: 1, accuracy: 0.7 }),
      row({ name: "ours", role: "ours", gflops: 0.5, accuracy: 0.75, speedup: 24 }),
      row({ name: "ours", role: "ours", gflops: 0.5, accuracy: 0.71, speedup: 20 }),
    ];
    const page = resultsPage(results(0.7, models));
    expect(page).toContain("- ours, seed 1 against two layers (75.00 %): 4.00× in MACs");
    expect(page).toContain("| ours, seed 2 | skim + exit | 71.00 % |");
    expect(page).toContain("- ours: 2 seeds, accuracy 73.00 % (71.00 % … 75.00 %), fewer 22.00× (20.00× … 24.00×)");
    const timed = {
      texts: 4,
      runs: 1,
      ms: 1,
      denseMs: 9,
      faster: 8,
      batchMs: 1,
      batchDenseMs: 9,
      batchFaster: 9,
      counted: 9,
    };
    const quick = models.map((one) => ({ ...one, timed }));
    expect(resultsPage(results(0.7, quick))).toContain(
      "(20.00× … 24.00×), faster 8.00× (8.00× … 8.00×), at 32 9.00× (9.00× … 9.00×)",
    );
    expect(page).toContain("- LTP: 2.09×");
    expect(resultsPage(JSON.parse(JSON.stringify(results(0.7, models))))).toBe(page);
  });

  it("draws the curve of a model's dials, slowest first, with the row's own among them", () => {
    const difference = { difference: -0.01, low: -0.02, high: 0, agreement: 0.9 };
    const at = (entropy: number, speedup: number) => ({
      ...difference,
      dials: { skim: false, exit: { entropy } } as const,
      accuracy: 0.7,
      speedup,
    });
    const dials = { skim: false, exit: { entropy: 0.5 } } as const;
    const ours = row({
      role: "ours",
      dials,
      speedup: 5,
      best: { name: "dense", ...difference },
      curve: [at(0.9, 9), at(0.1, 2)],
    });
    const page = resultsPage(results(0.7, [row({}), { ...ours, name: "ours" }]));
    const line = (entropy: number, accuracy: string, times: string) =>
      `| entropy ${entropy} | ${accuracy} | −1.00 (−2.00 … +0.00) | ${times} |`;
    const lines = [line(0.1, "70.00 %", "2.00×"), line(0.5, "75.00 %", "5.00×"), line(0.9, "70.00 %", "9.00×")];
    expect(page).toContain(lines.join("\n"));
    expect(resultsPage(results(0.7, [row({})]))).not.toContain("among others");
  });

  it("compares with the cheaper of skimming and exits alone, also by length", () => {
    const bucket = (speedup: number): ModelRecord["buckets"][number] => ({
      from: 1,
      texts: 4,
      accuracy: 0.75,
      speedup,
    });
    const page = resultsPage(
      results(0.7, [
        row({ buckets: [bucket(1), bucket(1)] }),
        row({ name: "ours", role: "ours", speedup: 24, buckets: [bucket(30), bucket(9)] }),
        row({ name: "only skims", role: "width", speedup: 3, buckets: [bucket(3), bucket(3)] }),
        row({ name: "only exits", role: "depth", speedup: 12, buckets: [bucket(10), bucket(10)] }),
      ]),
    );
    expect(page).toContain("than only exits, the cheaper of those");
    expect(page).toContain("- ours: 2.00× at 75.00 %; by length of text 3.00×, 0.90×\n");
    expect(resultsPage(results(0.7, [row({})]))).not.toContain("only to skim");
  });
});
