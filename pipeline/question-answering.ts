/** The spans of a context that answer a question. Lists are answered pair by pair; one context serves any number of questions. */
import type { CallOptions, Model } from "../bert/model.ts";
import { show, TaperError } from "../engine/errors.ts";
import { callOptions, type TopK, topKOf } from "./options.ts";
import type { QuestionAnswer, QuestionAnsweringOutput } from "./outputs.ts";

/** How many answers and how long, beside the dials and the signal of every call. */
export interface QuestionAnsweringOptions extends CallOptions, TopK {
  /** The longest answer, in tokens. Default: any. */
  readonly maxTokens?: number | undefined;
}

type Texts = string | readonly string[];

export type QuestionAnswering = <
  const Question extends Texts,
  const Context extends Texts,
  const Options extends QuestionAnsweringOptions = Record<never, never>,
>(
  question: Question,
  context: Context,
  options?: Options,
) => Promise<QuestionAnsweringOutput<Question, Context, Options>>;

export function questionAnswering(model: Model): QuestionAnswering {
  const where = "question-answering";
  const run = async (question: Texts, context: Texts, options: QuestionAnsweringOptions = {}) => {
    const call = callOptions(options, ["topK", "top_k", "maxTokens"], where);
    const count = topKOf(options, where);
    const { maxTokens = Number.POSITIVE_INFINITY } = options;
    const pairs = pairsOf(question, context, where);
    const found = await model.answerAll(pairs, { maxTokens, count, mayBeMissing: true }, call);
    const none: QuestionAnswer = { answer: "", score: 0, start: 0, end: 0 };
    const answers = found.map((list) => {
      const all = list.map(({ text, score, start, end }): QuestionAnswer => ({ answer: text, score, start, end }));
      return count === 1 ? (all[0] ?? none) : all;
    });
    return typeof question === "string" && typeof context === "string" ? answers[0] : answers;
  };
  return run as QuestionAnswering;
}

function pairsOf(question: Texts, context: Texts, where: string): [string, string][] {
  const [questions, contexts] = [listOf(question), listOf(context)];
  const count = Math.max(questions.length, contexts.length);
  if ([questions, contexts].every((list, i) => list.length === count || typeof [question, context][i] === "string")) {
    const at = (list: readonly string[], i: number): string => list[list.length === 1 ? 0 : i];
    return Array.from({ length: count }, (_, i) => [at(questions, i), at(contexts, i)]);
  }
  throw new TaperError(
    "ERR_INPUT",
    `${where}: expected as many questions as contexts, or one of either; found ${questions.length} and ${contexts.length}.`,
  );

  function listOf(texts: Texts): readonly string[] {
    const list = typeof texts === "string" ? [texts] : texts;
    if (Array.isArray(list) && list.every((text) => typeof text === "string")) return list;
    throw new TaperError("ERR_INPUT", `${where}: expected texts or lists of texts, found ${show(texts)}.`);
  }
}
