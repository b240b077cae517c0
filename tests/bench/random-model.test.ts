import { expect, test } from "vitest";
import { randomWeights } from "../../bench/random-model.ts";

const names = [0, 1, 2].flatMap((layer) =>
  ["query", "key"].map((part) => `bert.encoder.layer.${layer}.attention.self.${part}.weight`),
);

test("matrices of the same shape differ, as a library may keep equal ones once", () => {
  const read = randomWeights(1);
  const matrices = names.map((name) => read(name, [300, 300]).join());
  expect(new Set(matrices).size).toBe(names.length);
});

test("a name's values are the same whenever they are read, and fill its shape", () => {
  const shape = [300, 300];
  const values = randomWeights(1)(names[3], shape);
  const read = randomWeights(1);
  for (const name of names) read(name, shape);
  expect(read(names[3], shape)).toEqual(values);
  expect(values.length).toBe(90_000);
  expect(values.filter((value) => value === 0).length).toBeLessThan(10);
});
