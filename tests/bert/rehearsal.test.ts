/** What a model checked once holds for all that it runs afterwards; buffers that are too short are refused before anything runs. */
import { expect, it } from "vitest";
import { predictorWidthOf } from "../../bert/bert.ts";
import { rehearsed } from "../../bert/rehearsal.ts";
import { planScratch } from "../../bert/scratch.ts";
import type { Handle } from "../../engine/backend.ts";
import { Random } from "../../engine/random.ts";
import { wasmBackend } from "../../kernels/backends/wasm.ts";
import type { InferenceBackend, InferenceKernelName } from "../../kernels/index.ts";
import { randomBert, randomIds, randomModel, smallConfig } from "../support/random-bert.ts";

/** A backend whose two halves tell what they were called with. */
function told(inner: InferenceBackend) {
  const checked = new Map<string, number>();
  const ran: string[] = [];
  const weightsOf = (args: object): Handle | undefined => ("weights" in args ? (args.weights as Handle) : undefined);
  const names = new Map<Handle, number>();
  const key = (name: InferenceKernelName, args: object): string => {
    const weights = weightsOf(args);
    if (weights !== undefined && !names.has(weights)) names.set(weights, names.size);
    return `${name} ${weights === undefined ? "" : names.get(weights)}`;
  };
  const { halves } = inner;
  if (halves === undefined) throw new Error("this backend has no halves");
  const backend: InferenceBackend = {
    ...inner,
    halves: {
      check(name, args) {
        halves.check(name, args);
        checked.set(key(name, args), "n" in args ? args.n : args.length);
      },
      run(name, args) {
        halves.check(name, args);
        ran.push(key(name, args));
        expect("n" in args ? args.n : args.length).toBeLessThanOrEqual(checked.get(key(name, args)) ?? -1);
        halves.run(name, args);
      },
    },
  };
  return { backend, checked, ran };
}

it("runs nothing that was not checked with as many rows, and passes every check it no longer makes", async () => {
  const { backend, checked, ran } = told(wasmBackend());
  const model = randomModel(backend, 7, { ...smallConfig, maxPositions: 24 }, { tokenBudget: 60 });
  expect([ran.length, checked.size > 20]).toEqual([0, true]);
  const random = new Random(7);
  for (const texts of [1, 2, 9]) {
    const ids = randomIds(random, texts, smallConfig, 24);
    const dials = { skim: { keepThreshold: 0, attentionThreshold: 1 }, exit: { entropy: 0.8 } } as const;
    const { logits } = await model.forward(ids, { ...dials, hidden: true });
    const plain = randomModel(wasmBackend(), 7, { ...smallConfig, maxPositions: 24 }, { tokenBudget: 60 });
    expect(logits).toEqual((await plain.forward(ids, { ...dials, hidden: true })).logits);
  }
  expect(ran.length).toBeGreaterThan(50);
});

it("refuses buffers that some operation would leave", () => {
  const backend = wasmBackend();
  const bert = randomBert(backend, 1);
  const scratch = planScratch(backend, smallConfig, predictorWidthOf(bert), 40);
  expect(() => rehearsed(backend, bert, scratch)).not.toThrow();
  const short = backend.allocate(39 * smallConfig.d);
  const wrongs = [
    { ...scratch, output: short },
    { ...scratch, rows: { ...scratch.rows, spare: short } },
    { ...scratch, layer: { ...scratch.layer, inner: short } },
    { ...scratch, head: { ...scratch.head, cls: short } },
    { ...scratch, ids: backend.allocate(39, "i32") },
  ];
  for (const wrong of wrongs) {
    const refused = expect.objectContaining({ code: "ERR_INPUT" });
    expect(() => rehearsed(backend, bert, wrong)).toThrow(refused);
  }
});
