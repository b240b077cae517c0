/** The i-th random text of a seed, through each of the undamaged models in turn. */
import { loadModel } from "../../bert/load.ts";
import type { Model } from "../../bert/model.ts";
import { Random } from "../../engine/random.ts";
import { tinyVocabulary } from "../support/tiny-model.ts";
import { pick } from "./mutate-json.ts";
import { ask } from "./probe.ts";
import type { Subject } from "./subjects.ts";
import { randomText, type TextSort, textSorts } from "./texts.ts";

export interface Texts {
  /** Answers the text; gives its sort and the model's name. Throws what is looked for. */
  probe(seed: number, index: number): Promise<{ readonly sort: TextSort; readonly subject: string }>;
  end(): Promise<void>;
}

/** Long texts are rare: most of their time goes into the repeated. */
const longShare = 200;

export async function startTexts(subjects: readonly Subject[]): Promise<Texts> {
  const models: [string, Model][] = [];
  for (const { name, files } of subjects) models.push([name, await loadModel(files, { tokenBudget: 64 })]);
  return {
    async probe(seed, index) {
      const random = new Random(`${seed}/text/${index}`);
      const [subject, model] = models[index % models.length];
      const sort = random.integer(longShare) === 0 ? "long" : pick(random, textSorts.slice(0, -1));
      const other = pick(random, textSorts.slice(0, -1));
      await ask(model, [randomText(random, sort, tinyVocabulary), randomText(random, other, tinyVocabulary)]);
      return { sort, subject };
    },
    async end() {
      for (const [, model] of models) await model.dispose();
    },
  };
}
