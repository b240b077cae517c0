/** A short search of each kind; `npm run fuzz` is the long one, and says how to have a failure again. */
import { beforeAll, expect, it } from "vitest";
import { inputOf } from "./inputs.ts";
import { probe } from "./probe.ts";
import { makeSubjects, type Subject } from "./subjects.ts";
import { startTexts } from "./text-probe.ts";

const seed = Number(process.env.TAPER_SEED ?? 1);
let subjects: Subject[];
beforeAll(async () => {
  subjects = await makeSubjects();
});

it("undamaged, every subject loads and answers", async () => {
  for (const { name, files } of subjects) {
    const { random } = inputOf(seed, 0, subjects);
    for (const backend of ["scalar", "wasm"] as const) {
      for (const onDisk of [false, true]) {
        // Planted links may replace a file: with them a refusal is as good.
        const found = await probe({ kind: "none", subject: name, files, onDisk, backend, dtype: undefined, random });
        expect(onDisk ? ["loaded", "ERR_FILE"] : ["loaded"], name).toContain(found);
      }
    }
  }
});

it("damaged, it loads and answers or is refused with a code", async () => {
  const outcomes = new Map<string, number>();
  for (let i = 0; i < 1500; i++) {
    const input = inputOf(seed, i, subjects);
    const outcome = await probe(input).catch((error: unknown) => {
      throw new Error(`input ${i} of seed ${seed} (${input.subject}, ${input.kind})`, { cause: error });
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const outcome of ["loaded", "ERR_FILE", "ERR_CONFIG", "ERR_CHECKPOINT", "ERR_VOCABULARY"]) {
    expect(outcomes.get(outcome), outcome).toBeGreaterThan(10);
  }
});

it("any string is a text", async () => {
  const texts = await startTexts(subjects);
  for (let i = 0; i < 500; i++) await texts.probe(seed, i);
  await texts.end();
});
