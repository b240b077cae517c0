import { expect, it } from "vitest";
import { parseStages } from "../../train/stages.ts";

const first = { recipe: "mlm", shape: "tiny", vocabulary: "vocab", data: ["a.txt"] };
const second = { recipe: "classify", data: ["b.tsv"] };

it("takes a single run as it is", () => {
  const [stage, ...rest] = parseStages(first, "out", "plan.json");
  expect(rest).toEqual([]);
  expect(stage).toMatchObject({ directory: "out", config: { recipe: "mlm", vocabulary: "vocab" } });
});

it("starts each stage from the one before, the last in the plan's own directory", () => {
  const stages = parseStages({ stages: [first, second] }, "out", "plan.json");
  expect(stages.map((stage) => stage.directory)).toEqual(["out/stage-1", "out"]);
  expect(stages[1].config).toMatchObject({ recipe: "classify", from: ["out/stage-1"], vocabulary: "vocab" });
});

it("leaves a stage alone that says where it starts", () => {
  const stages = parseStages({ stages: [first, { ...second, from: "elsewhere" }] }, "out", "plan.json");
  expect(stages[1].config).toMatchObject({ from: ["elsewhere"], vocabulary: "elsewhere" });
});

it("names the stage that is wrong, before anything runs", () => {
  expect(() => parseStages({ stages: [first, { ...second, epochs: -1 }] }, "out", "plan.json")).toThrow(
    /plan\.json: stage 2: "epochs"/,
  );
  expect(() => parseStages({ stages: [] }, "out", "plan.json")).toThrow(/at least one run/);
  expect(() => parseStages({ stages: [first], seed: 1 }, "out", "plan.json")).toThrow(/only name/);
  expect(() => parseStages({ stages: [first, 7] }, "out", "plan.json")).toThrow(/stage 2: expected an object/);
});

it("finds a stage's directory by its number, to start from and to learn from", () => {
  const teacher = { from: ["stage-1", "bigrams"], weight: 0.5 };
  const skim = { predictors: "stage-2" };
  const mean = { ...second, from: ["stage-1", "stage-2"], epochs: 0 };
  const stages = parseStages(
    { stages: [first, second, { ...second, from: "stage-1", teacher, skim }, mean] },
    "out",
    "plan.json",
  );
  expect(stages[2].config).toMatchObject({ from: ["out/stage-1"], vocabulary: "out/stage-1" });
  expect(stages[2].config.teacher).toEqual({ from: ["out/stage-1", "bigrams"], weight: 0.5, temperature: 1 });
  expect(stages[2].config.skim?.predictors).toBe("out/stage-2");
  expect(stages[3].config.from).toEqual(["out/stage-1", "out/stage-2"]);
});
