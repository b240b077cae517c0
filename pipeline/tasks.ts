/**
 * The tasks that pipelines know: what each calls like, which models it is for, and how a loaded model does it. It starts no worker;
 * see off-thread.ts.
 */
import type { Task } from "../bert/config.ts";
import { type LoadOptions, loadModel } from "../bert/load.ts";
import type { Model } from "../bert/model.ts";
import { TaperError } from "../engine/errors.ts";
import type { ModelSource } from "../engine/model-files.ts";
import { type FeatureExtraction, featureExtraction } from "./feature-extraction.ts";
import { type QuestionAnswering, questionAnswering } from "./question-answering.ts";
import { type TextClassification, textClassification } from "./text-classification.ts";
import { type TokenClassification, tokenClassification } from "./token-classification.ts";

export interface Calls {
  "text-classification": TextClassification;
  "sentiment-analysis": TextClassification;
  "token-classification": TokenClassification;
  ner: TokenClassification;
  "question-answering": QuestionAnswering;
  "feature-extraction": FeatureExtraction;
}

/** Tasks by transformers.js's names; "sentiment-analysis" is text classification, "ner" token classification. */
export type PipelineTask = keyof Calls;

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

/** A model on this thread, and the task as a function of it. Throws as `loadModel`, and ERR_OPTION for another task than its own. */
export async function openTask<T extends PipelineTask>(
  task: T,
  source: ModelSource,
  options: LoadOptions,
): Promise<{ readonly model: Model; readonly call: Calls[T] }> {
  const kind: Kinds[T] = kinds[task];
  const model = await loadModel(source, options);
  if (kind.task !== undefined && kind.task !== model.config.task) {
    await model.dispose();
    throw new TaperError(
      "ERR_OPTION",
      `pipeline("${task}") needs a model for ${kind.task}; this one is for ${model.config.task}.`,
    );
  }
  return { model, call: kind.on(model) };
}
