/** Dropping rows for real equals masking them; a ragged batch equals each text alone; what leaves carries the right state. */
import { describe, expect, it } from "vitest";
import { maskedReplay } from "../../bench/masked-replay.ts";
import type { BertConfig } from "../../bert/config.ts";
import type { Dials } from "../../bert/dials.ts";
import type { Trace } from "../../bert/trace.ts";
import { Random } from "../../engine/random.ts";
import { referenceBackend } from "../../kernels/backends/reference.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend } from "../../kernels/index.ts";
import { randomBert, randomIds, randomModel, smallConfig } from "../support/random-bert.ts";

const backends: [name: string, make: () => InferenceBackend][] = [
  ["reference", referenceBackend],
  ["scalar", scalarBackend],
  ["wasm", wasmBackend],
];

/** Masked and dropped sums group their terms differently: three layers of float32 stay well within this. */
const tolerance = 2e-5;

function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  expect(a.map((x) => x.length)).toEqual(b.map((x) => x.length));
  let largest = 0;
  for (const [t, values] of a.entries()) {
    for (const [i, value] of values.entries()) largest = Math.max(largest, Math.abs(value - b[t][i]));
  }
  return largest;
}

function randomDials(random: Random): Dials {
  const exits: Dials["exit"][] = [
    false,
    { entropy: random.uniform(0.3, 1) },
    { confidence: random.uniform(0.4, 0.9) },
    { patience: 1 + random.integer(3) },
  ];
  return {
    skim: { keepThreshold: random.uniform(-1, 1), attentionThreshold: random.uniform(0, 2) },
    exit: exits[random.integer(exits.length)],
  };
}

describe.each(backends)("%s", (_, make) => {
  it("drops as the masked form masks, and batches as each text alone", async () => {
    let left = 0;
    let exited = 0;
    let flips = 0;
    for (let seed = 0; seed < 12; seed++) {
      const random = new Random(seed);
      const model = randomModel(make(), seed);
      const ids = randomIds(random, 1 + random.integer(6));
      const dials = randomDials(random);
      const dropped = await model.forward(ids, { ...dials, hidden: true });
      left += dropped.trace.flatMap((trace) => trace.leftAt).filter((at) => at < 6).length;
      exited += dropped.trace.filter((trace) => trace.exitLayer < 3).length;

      const backend = make();
      const masked = await maskedReplay(backend, randomBert(backend, seed), ids, dropped.trace);
      expect(largestDifference(dropped.logits, masked.logits)).toBeLessThan(tolerance);
      expect(largestDifference(dropped.hidden!, masked.hidden)).toBeLessThan(tolerance);

      for (const [t, text] of ids.entries()) {
        const replay = [dropped.trace[t]];
        const alone = await model.forward([text], { ...dials, hidden: true, replay });
        expect(alone.logits[0]).toEqual(dropped.logits[t]);
        expect(alone.hidden![0]).toEqual(dropped.hidden![t]);
        expect(alone.trace).toEqual(replay);
        flips += alone.flips!.count;
      }
      await model.dispose();
    }
    expect(left).toBeGreaterThan(50);
    expect(exited).toBeGreaterThan(5);
    expect(flips).toBe(0);
  });

  it("gives token-level heads the state with which a row left", async () => {
    for (const task of ["token-classification", "question-answering"] as const) {
      const config: BertConfig = { ...smallConfig, task };
      const model = randomModel(make(), 5, config);
      const ids = randomIds(new Random(1), 4);
      const result = await model.forward(ids, { skim: { keepThreshold: 0.2 }, hidden: true });
      const gone = result.trace.flatMap((trace) => trace.leftAt).filter((at) => at < 6).length;
      expect(gone).toBeGreaterThan(5);
      const c = task === "question-answering" ? 2 : 3;
      expect(result.logits.map((x) => x.length)).toEqual(ids.map((text) => text.length * c));
      const backend = make();
      const bert = randomBert(backend, 5, config, {
        skim: { predictorWidth: 6, attentionThresholds: [0.03, 0.05, 0.08] },
      });
      const masked = await maskedReplay(backend, bert, ids, result.trace);
      expect(largestDifference(result.hidden!, masked.hidden)).toBeLessThan(tolerance);
      expect(largestDifference(result.logits, masked.logits)).toBeLessThan(tolerance);
      if (bert.taskHead.reads !== "tokens") throw new Error("expected a token-level head");
      for (const [t, states] of masked.hidden.entries()) {
        const n = ids[t].length;
        const a = backend.allocate(n * config.d);
        const out = backend.allocate(n * c);
        backend.write(a, states);
        backend.op("matmul", { out, a, ...bert.taskHead.classifier, n });
        expect(largestDifference([result.logits[t]], [await backend.read(out)])).toBeLessThan(tolerance);
      }
    }
  });
});

it("decides alike on every backend, up to margins below 1e-4", async () => {
  let decisions = 0;
  let largestMargin = 0;
  for (let seed = 0; seed < 20; seed++) {
    const random = new Random(seed);
    const ids = randomIds(random, 4);
    const dials = randomDials(random);
    const exact = await randomModel(referenceBackend(), seed).forward(ids, dials);
    for (const make of [scalarBackend, wasmBackend]) {
      const replayed = await randomModel(make(), seed).forward(ids, { ...dials, replay: exact.trace });
      expect(replayed.trace).toEqual(exact.trace);
      expect(largestDifference(replayed.logits, exact.logits)).toBeLessThan(tolerance);
      decisions += exact.trace.flatMap((trace) => trace.scored).reduce((a, b) => a + b, 0);
      largestMargin = Math.max(largestMargin, replayed.flips!.largestMargin);
    }
  }
  expect(decisions).toBeGreaterThan(1000);
  expect(largestMargin).toBeLessThan(1e-4);
});

it("splits a batch by the token budget without changing a bit", async () => {
  const ids = randomIds(new Random(3), 9, smallConfig, 30);
  const dials: Dials = { skim: { keepThreshold: 0 }, exit: { entropy: 0.9 } };
  const whole = await randomModel(scalarBackend(), 7).forward(ids, dials);
  const split = await randomModel(scalarBackend(), 7, smallConfig, { tokenBudget: 41 }).forward(ids, dials);
  expect(split).toEqual(whole);
});

it("a deadline is obeyed, and a replay of it is no flip", async () => {
  const model = randomModel(scalarBackend(), 1);
  const ids = randomIds(new Random(2), 3);
  const passed = await model.forward(ids, { skim: false, exit: { deadlineMs: 0 } });
  expect(passed.trace.map(({ exitLayer }) => exitLayer)).toEqual([1, 1, 1]);
  const far = { skim: false, exit: { deadlineMs: 1e9 } } as const;
  expect((await model.forward(ids, far)).trace.map(({ exitLayer }) => exitLayer)).toEqual([3, 3, 3]);
  const replayed = await model.forward(ids, { ...far, replay: passed.trace });
  expect(replayed).toEqual({ ...passed, flips: { count: 0, largestMargin: 0 } });
  await model.dispose();
});

it("refuses to replay a trace that cannot be this model's", async () => {
  const model = randomModel(scalarBackend(), 1);
  const ids = [[1, 2, 3]];
  const { trace } = await model.forward(ids, { skim: false, exit: false });
  const refused = (changes: Partial<Trace>, message: RegExp, of = model) =>
    expect(of.forward(ids, { replay: [{ ...trace[0], ...changes }] })).rejects.toMatchObject({
      code: "ERR_INPUT",
      message: expect.stringMatching(message),
    });
  await refused({ leftAt: [6, 6] }, /of 3 tokens over 3 layers, found 2 tokens over 3 layers/);
  await refused({ attended: [3, 3] }, /of 3 tokens over 3 layers, found 3 tokens over 2 layers/);
  await refused({ leftAt: [2, 6, 6] }, /\[CLS\] to stay \(leftAt\[0\] = 6\), found 2/);
  await refused({ exitLayer: 4 }, /an exit layer from 1 to 3, found 4/);
  await refused({ exitLayer: 1.5 }, /found 1\.5/);
  const lists = [5, [null], [{}], [trace[0], trace[0]]] as unknown as Trace[][];
  for (const replay of lists) await expect(model.forward(ids, { replay })).rejects.toMatchObject({ code: "ERR_INPUT" });
  const tagger = randomModel(scalarBackend(), 1, { ...smallConfig, task: "token-classification" });
  await refused({ exitLayer: 2 }, /exit layer 3: there are no exit heads, found 2/, tagger);
  await model.dispose();
  await tagger.dispose();
});

it("refuses ids, segments, traces and dials that do not fit", async () => {
  const model = randomModel(scalarBackend(), 1);
  const refused = (promise: Promise<unknown>, code: string, message: RegExp) =>
    expect(promise).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  await refused(model.forward([[1, 50]]), "ERR_INPUT", /ids\[0\]\[1\].*0 to 49.*found 50/);
  await refused(model.forward([[1.5]]), "ERR_INPUT", /found 1\.5/);
  await refused(model.forward([[]]), "ERR_INPUT", /1 to 40 token ids, found 0/);
  await refused(
    model.forward([[1]], { segments: [[0, 0]] }),
    "ERR_INPUT",
    /segments\[0\]: expected a list of 1, found 2/,
  );
  await refused(model.forward([[1]], { replay: [] }), "ERR_INPUT", /a trace for each of 1 texts, found 0/);
  await refused(
    model.forward([[1]], { skim: { keepTreshold: 1 } as object }),
    "ERR_OPTION",
    /did you mean "keepThreshold"/,
  );
  await refused(model.forward([[1]], { exit: { entropy: 2 } }), "ERR_OPTION", /from 0 to 1; found 2/);
  await refused(model.forward([[1]], { skipp: false } as object), "ERR_OPTION", /"skim"|known names/);
  const dense = randomModel(scalarBackend(), 1, { ...smallConfig, task: "embedding" });
  await refused(dense.forward([[1]], { exit: { entropy: 0.5 } }), "ERR_OPTION", /no exit heads/);
  expect(await model.forward([])).toEqual({ logits: [], trace: [] });
  await model.dispose();
  await refused(model.forward([[1]]), "ERR_DISPOSED", /disposed/);
});
