/**
 * `pipeline(task, source)`: a model as one function, in the call shapes that users of transformers.js know. It adds nothing to the
 * model but shapes; dials, signals and everything else are the model's.
 * Source: https://huggingface.co/docs/transformers.js/api/pipelines
 */
import type { Task } from "../bert/config.ts";
import { type LoadOptions, loadModel } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { nearestName, show, TaperError } from "../engine/errors.ts";
import type { ModelSource } from "../engine/model-files.ts";
import { type FeatureExtraction, featureExtraction } from "./feature-extraction.ts";
import { type QuestionAnswering, questionAnswering } from "./question-answering.ts";
import { type TextClassification, textClassification } from "./text-classification.ts";
import { type TokenClassification, tokenClassification } from "./token-classification.ts";

interface Calls {
  "text-classification": TextClassification;
  "sentiment-analysis": TextClassification;
  "token-classification": TokenClassification;
  ner: TokenClassification;
  "question-answering": QuestionAnswering;
  "feature-extraction": FeatureExtraction;
}

/** Tasks by transformers.js's names; "sentiment-analysis" is text classification, "ner" token classification. */
export type PipelineTask = keyof Calls;

/** A model as one function in the shapes of its task; made by `pipeline`. */
export type Pipeline<T extends PipelineTask> = Calls[T] & {
  /** What it was made for. */
  readonly task: T;
  /** For what a pipeline does not say: traces, streams, explanations. */
  readonly model: Model;
  /** Gives the memory back; later calls throw ERR_DISPOSED. */
  dispose(): Promise<void>;
  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
};

type Kinds = { readonly [T in PipelineTask]: { readonly task?: Task; readonly on: (model: Model) => Calls[T] } };

const classify = { task: "sequence-classification", on: textClassification } as const;
const tag = { task: "token-classification", on: tokenClassification } as const;

const kinds: Kinds = {
  "text-classification": classify,
  "sentiment-analysis": classify,
  "token-classification": tag,
  ner: tag,
  "question-answering": { task: "question-answering", on: questionAnswering },
  "feature-extraction": { on: featureExtraction },
};

/**
 * Loads a model for a task. `source` is a directory, a URL, or its files; `options` are those of `loadModel`.
 * Throws as `loadModel`, and ERR_OPTION for another task than the model is for.
 */
export async function pipeline<T extends PipelineTask>(
  task: T,
  source: ModelSource,
  options: LoadOptions = {},
): Promise<Pipeline<T>> {
  if (!Object.hasOwn(kinds, task)) {
    const near = typeof task === "string" ? nearestName(task, Object.keys(kinds)) : undefined;
    const hint = near === undefined ? `known tasks: ${Object.keys(kinds).join(", ")}.` : `did you mean "${near}"?`;
    throw new TaperError("ERR_OPTION", `pipeline(): there is no task ${show(task)}; ${hint}`);
  }
  const kind: Kinds[T] = kinds[task];
  const model = await loadModel(source, options);
  if (kind.task !== undefined && kind.task !== model.config.task) {
    await model.dispose();
    throw new TaperError(
      "ERR_OPTION",
      `pipeline("${task}") needs a model for ${kind.task}; this one is for ${model.config.task}.`,
    );
  }
  const dispose = (): Promise<void> => model.dispose();
  return Object.assign(kind.on(model), { task, model, dispose, [Symbol.asyncDispose]: dispose });
}
