/** What pipelines give, and how it depends on what they are given: the shapes of transformers.js, as types. */
import type { AggregationStrategy } from "./entities.ts";

/** A label with its probability. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** A text, or two to be read together. */
export type PipelineText = string | { readonly text: string; readonly text_pair?: string | undefined };

/** A token with its label. */
export interface TokenEntity {
  readonly entity: string;
  readonly score: number;
  /** The token's place, [CLS] being 0. */
  readonly index: number;
  /** As the text has it; a piece that goes on a word begins with ##. */
  readonly word: string;
  /** UTF-16 indices into the text. */
  readonly start: number;
  readonly end: number;
}

/** A span of neighbouring tokens or words of one kind. */
export interface EntityGroup {
  /** The label without its B-, I-, E- or S-. */
  readonly entity_group: string;
  /** The mean of its members'. */
  readonly score: number;
  /** As the text has it. */
  readonly word: string;
  /** UTF-16 indices into the text. */
  readonly start: number;
  readonly end: number;
}

/** A span of the context that answers the question; empty if none does. */
export interface QuestionAnswer {
  readonly answer: string;
  readonly score: number;
  /** UTF-16 indices into the context. */
  readonly start: number;
  readonly end: number;
}

/** One for one, a list for a list. */
export type ForEach<Input, Output> = Input extends readonly unknown[] ? Output[] : Output;

/** The largest number of answers that a call's options ask for; 1 if they do not say. */
export type TopKOf<Options> = Options extends { readonly topK: infer K }
  ? K
  : Options extends { readonly top_k: infer K }
    ? K
    : 1;

/** `[{ label, score }]` for a text; for texts a list of the best, or a list of lists if more than the best is asked for. */
export type TextClassificationOutput<Input, Options> = Input extends readonly unknown[]
  ? TopKOf<Options> extends 1 | undefined
    ? LabelScore[]
    : 1 extends TopKOf<Options>
      ? LabelScore[] | LabelScore[][]
      : LabelScore[][]
  : LabelScore[];

/** The strategy that a call's options ask for; "none" if they do not say. */
export type AggregationOf<Options> = Options extends { readonly aggregationStrategy: infer S }
  ? S
  : Options extends { readonly aggregation_strategy: infer S }
    ? S
    : "none";

/** Tokens without a strategy, entities with one; for texts a list of that. */
export type TokenClassificationOutput<Input, Options> = ForEach<
  Input,
  AggregationOf<Options> extends "none" | undefined
    ? TokenEntity[]
    : AggregationOf<Options> extends Exclude<AggregationStrategy, "none">
      ? EntityGroup[]
      : TokenEntity[] | EntityGroup[]
>;

/** An answer, or a list if more than the best is asked for; for lists of questions a list of that. */
export type QuestionAnsweringOutput<Question, Context, Options> = ForEach<
  Question extends readonly unknown[] ? Question : Context,
  TopKOf<Options> extends 1 | undefined
    ? QuestionAnswer
    : 1 extends TopKOf<Options>
      ? QuestionAnswer | QuestionAnswer[]
      : QuestionAnswer[]
>;
