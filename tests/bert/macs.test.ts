/** The counting rules: published constants, and that the formula equals what the kernels count as they run. */
import { describe, expect, it } from "vitest";
import { configOfShape, namedShapes } from "../../bert/config.ts";
import { denseEncoderMacs, layerMacs, passageMacs, sumOfParts } from "../../bert/macs.ts";
import { Random } from "../../engine/random.ts";
import { scalarBackend } from "../../kernels/backends/scalar.ts";
import { counting } from "../../kernels/counting.ts";
import { randomIds, randomModel } from "../support/random-bert.ts";

const base = namedShapes.base;

describe("published constants", () => {
  it.each([
    [1, 7_079_424],
    [64, 459_276_288],
    [128, 931_135_488],
    [512, 4_026_531_840],
  ])("one BERT-base layer at %i tokens", (n, macs) => {
    expect(sumOfParts(layerMacs(base, n, n))).toBe(macs);
  });

  it("the encoder of BERT-base at 128 tokens: 11.174 GMAC = 22.347 GFLOPs", () => {
    const macs = denseEncoderMacs(base, 128);
    expect((macs / 1e9).toFixed(3)).toBe("11.174");
    expect(((2 * macs) / 1e9).toFixed(3)).toBe("22.347");
  });

  it("the worked example of Transkimmer at 51 tokens, predictors included", () => {
    const kept = [46, 40, 34, 30, 26, 22, 18, 14, 10, 6, 3, 1];
    // The predictor before layer l reads what was alive before it, in the authors' form without [CLS].
    const scored = [51, ...kept.slice(0, -1)].map((rows) => rows - 1);
    const passage = { length: 51, attended: kept, fed: kept, scored, heads: new Array(12).fill(0) };
    const { macs, denseMacs } = passageMacs({ ...configOfShape(base), task: "embedding" }, base.d, passage);
    expect(macs).toBe(1_951_454_208);
    expect((denseMacs / macs).toFixed(2)).toBe("2.24");
  });
});

it("counts as executed what the formula says, on random forwards", async () => {
  for (let seed = 0; seed < 10; seed++) {
    const backend = counting(scalarBackend());
    const model = randomModel(backend, seed);
    const random = new Random(seed);
    const exit = seed % 2 === 0 ? ({ entropy: 0.95 } as const) : false;
    backend.reset();
    const { trace } = await model.forward(randomIds(random, 5), {
      skim: { keepThreshold: 0.1, attentionThreshold: 1 },
      exit,
    });
    expect(trace.reduce((sum, { macs }) => sum + macs, 0)).toBe(backend.totals.macs);
    const dense = counting(scalarBackend());
    const denseModel = randomModel(dense, seed);
    dense.reset();
    await denseModel.forward(randomIds(new Random(seed), 5), { skim: false, exit: false });
    expect(trace.reduce((sum, { denseMacs }) => sum + denseMacs, 0)).toBe(dense.totals.macs);
  }
});
