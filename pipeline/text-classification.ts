/** Labels for texts: softmax over labels that exclude each other, a sigmoid for each that does not (`problem_type`). */
import type { CallOptions, Model, Text } from "../bert/model.ts";
import { show, TaperError } from "../engine/errors.ts";
import { callOptions, type TopK, topKOf } from "./options.ts";
import type { LabelScore, PipelineText, TextClassificationOutput } from "./outputs.ts";

/** How many labels, beside the dials and the signal of every call. */
export type TextClassificationOptions = CallOptions & TopK;

export type TextClassification = <
  const Input extends PipelineText | readonly PipelineText[],
  const Options extends TextClassificationOptions = Record<never, never>,
>(
  texts: Input,
  options?: Options,
) => Promise<TextClassificationOutput<Input, Options>>;

export function textClassification(model: Model): TextClassification {
  const where = "text-classification";
  const run = async (
    input: PipelineText | readonly PipelineText[],
    options: TextClassificationOptions = {},
  ): Promise<LabelScore[] | LabelScore[][]> => {
    const call = callOptions(options, ["topK", "top_k"], where);
    const topK = topKOf(options, where);
    const isList = Array.isArray(input);
    const texts = (isList ? input : [input]).map((text) => textOf(text, where));
    const answers = await model.classify(texts, call);
    const lists = answers.map(({ scores }) => ranked(scores, model.config.labels).slice(0, topK));
    if (topK === 1) return lists.flat();
    return isList ? lists : lists[0];
  };
  return run as TextClassification;
}

function ranked(scores: readonly number[], labels: readonly string[]): LabelScore[] {
  return scores.map((score, i) => ({ label: labels[i], score })).sort((a, b) => b.score - a.score);
}

/** A pipeline's input as the model's. Throws ERR_INPUT. */
export function textOf(input: PipelineText, where: string): Text {
  if (typeof input === "string") return input;
  if (typeof input === "object" && input !== null && typeof input.text === "string") {
    return input.text_pair === undefined ? input.text : [input.text, input.text_pair];
  }
  throw new TaperError("ERR_INPUT", `${where}: expected a text or { text, text_pair }, found ${show(input)}.`);
}
