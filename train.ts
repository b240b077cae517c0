/** taperbert/train: training runs from code, and the parts that they are made of. */
export { TaperError } from "./engine/errors.ts";
export {
  type ExitTraining,
  type MlmTraining,
  parseTrainConfig,
  type SkimTraining,
  type TrainConfig,
} from "./train/config.ts";
export { parseTexts, type ReadOptions, readTexts, type TextFormat, type TextRow } from "./train/data.ts";
export type { Sums } from "./train/objective.ts";
export type { OptimizerConfig } from "./train/optimizer.ts";
export { type Seed, Tape } from "./train/tape.ts";
export { type Measured, type StepProgress, type TrainOptions, type TrainResult, train } from "./train/trainer.ts";
