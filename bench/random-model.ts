/**
 * A model of a shape whose weights nobody trained: it takes as long as a trained one and its answers mean nothing. It neither skims nor
 * exits by itself; give it a schedule to replay (schedule.ts).
 */
import { buildBert } from "../bert/build.ts";
import type { BertConfig } from "../bert/config.ts";
import { Model } from "../bert/model.ts";
import { randomSource } from "../bert/random-weights.ts";
import type { TaperConfig } from "../bert/taper-config.ts";
import { Random } from "../engine/random.ts";
import type { InferenceBackend } from "../kernels/index.ts";
import type { TimedText } from "./latency.ts";

/** The model owns the backend from here on. */
export function randomModel(config: BertConfig, taper: TaperConfig, backend: InferenceBackend, seed: number): Model {
  try {
    return new Model(buildBert(config, taper, randomSource(backend, new Random(seed))), backend);
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** A text of `tokens` random ids. */
export function randomText(tokens: number, vocabulary: number, seed: number): TimedText {
  const random = new Random(seed);
  const ids = Array.from({ length: tokens }, () => random.integer(vocabulary));
  return { ids, segments: ids.map(() => 0) };
}
