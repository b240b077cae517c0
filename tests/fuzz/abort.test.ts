/** An abort stops within a layer: none begins after it. The script scripts/abort.mjs prints the milliseconds. */
import { expect, it } from "vitest";
import { configOfShape } from "../../bert/config.ts";
import { Random } from "../../engine/random.ts";
import { randomIds } from "../support/random-bert.ts";
import { abortRuns } from "./abort.ts";

it("no layer begins after an abort", async () => {
  const config = configOfShape({ layers: 3, d: 96, h: 3, f: 200 }, { vocabulary: 50, maxPositions: 200 });
  const { runs } = await abortRuns(config, randomIds(new Random(1), 16, config, 200), 12);
  expect(runs.length).toBeGreaterThan(0);
  for (const { afterAbort, layers } of runs) {
    expect(afterAbort).toBe(0);
    expect(layers).toBeLessThanOrEqual(3);
  }
  expect(runs.some(({ layers }) => layers < 3)).toBe(true);
});
