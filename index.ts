/**
 * taperbert: a BERT that narrows as it reads. The public surface of the default import path: it contains no code generation from
 * strings and runs under a strict Content-Security-Policy. GPU kernels are in `taperbert/gpu`, ndarray interop in
 * `taperbert/ndarray`, training in `taperbert/train`.
 */
export type { BackendName, RunInfo, Simd } from "./bert/choose-backend.ts";
export type { BertConfig, BertShape, Task } from "./bert/config.ts";
export type { Dials } from "./bert/dials.ts";
export type { Dtype } from "./bert/dtype.ts";
export type { ExplainedWord, Explanation } from "./bert/explain.ts";
export type { LoadOptions } from "./bert/load.ts";
export type {
  CallOptions,
  Classification,
  EmbedOptions,
  ForwardOptions,
  ForwardResult,
  Model,
  Text,
} from "./bert/model.ts";
export type { Flips } from "./bert/narrowing.ts";
export type { Answer, Tag } from "./bert/readouts.ts";
export type { StreamOptions } from "./bert/stream.ts";
export {
  createTokenizer,
  type EncodeOptions,
  type Encoding,
  type Tokenizer,
  type TokenizerOptions,
} from "./bert/tokenizer/tokenizer.ts";
export type { Trace } from "./bert/trace.ts";
export type { Backend, Handle, Int8Matrix } from "./engine/backend.ts";
export { type ErrorCode, TaperError } from "./engine/errors.ts";
export type { FileBytes, ModelSource } from "./engine/model-files.ts";
export {
  parseSafetensors,
  type StoredTensor,
  type StoredType,
  type WritableTensor,
  type WriteOptions,
  writeSafetensors,
} from "./engine/safetensors.ts";
export { transpose, type View, view } from "./engine/view.ts";
export type { ExitDials } from "./exit/criteria.ts";
export type { InferenceBackend, InferenceOps } from "./kernels/index.ts";
export { loadModel, loadTokenizer } from "./lazy.ts";
export type { AggregationStrategy } from "./pipeline/entities.ts";
export type { FeatureExtractionOptions, Features, NestedNumbers } from "./pipeline/feature-extraction.ts";
export type { EntityGroup, LabelScore, PipelineText, QuestionAnswer, TokenEntity } from "./pipeline/outputs.ts";
export { type Pipeline, type PipelineOptions, type PipelineTask, pipeline } from "./pipeline/pipeline.ts";
export type { QuestionAnsweringOptions } from "./pipeline/question-answering.ts";
export type { TextClassificationOptions } from "./pipeline/text-classification.ts";
export type { TokenClassificationOptions } from "./pipeline/token-classification.ts";
export type { SkimDials } from "./skim/policy.ts";
