/** taperbert/train: training runs from code, and the parts that they are made of. */
export { TaperError } from "./engine/errors.ts";
export { type Freezable, parseTrainConfig, type TrainConfig } from "./train/config.ts";
export { parseTexts, type ReadOptions, readTexts, type TextFormat, type TextRow } from "./train/data.ts";
export type { Sums } from "./train/objective.ts";
export type { OptimizerConfig } from "./train/optimizer.ts";
export type {
  ExitTraining,
  MlmTraining,
  SkimTraining,
  TeacherTraining,
  ThresholdTraining,
} from "./train/parts.ts";
export { type Seed, Tape } from "./train/tape.ts";
export { type Measured, type StepProgress, type TrainOptions, type TrainResult, train } from "./train/trainer.ts";
