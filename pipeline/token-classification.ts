/**
 * A label for each token, special ones left out, and by default those that are labelled "O" (outside of every entity); or, with an
 * aggregation strategy, whole entities.
 */
import type { CallOptions, Model } from "../bert/model.ts";
import type { Tag } from "../bert/readouts.ts";
import { nearestName, show, TaperError } from "../engine/errors.ts";
import { type AggregationStrategy, aggregationStrategies, groupEntities } from "./entities.ts";
import { callOptions, eitherName } from "./options.ts";
import type { EntityGroup, TokenClassificationOutput, TokenEntity } from "./outputs.ts";

/** What is left out and what is joined, beside the dials and the signal of every call. */
export interface TokenClassificationOptions extends CallOptions {
  /** Labels whose tokens are left out. With a strategy, kinds (without B- and I-) may stand here as well. Default ["O"]. */
  readonly ignoreLabels?: readonly string[] | undefined;
  /** The same under its other name. */
  readonly ignore_labels?: readonly string[] | undefined;
  /** Whether, and how, tokens are joined to entities. Default "none". */
  readonly aggregationStrategy?: AggregationStrategy | undefined;
  /** The same under its other name. */
  readonly aggregation_strategy?: AggregationStrategy | undefined;
}

export type TokenClassification = <
  const Input extends string | readonly string[],
  const Options extends TokenClassificationOptions = Record<never, never>,
>(
  texts: Input,
  options?: Options,
) => Promise<TokenClassificationOutput<Input, Options>>;

const where = "token-classification";
const optionNames = ["ignoreLabels", "ignore_labels", "aggregationStrategy", "aggregation_strategy"];

export function tokenClassification(model: Model): TokenClassification {
  const run = async (input: string | readonly string[], options: TokenClassificationOptions = {}) => {
    const call = callOptions(options, optionNames, where);
    const ignored = eitherName(options, "ignoreLabels", "ignore_labels", where) ?? ["O"];
    if (!Array.isArray(ignored)) {
      throw new TaperError("ERR_OPTION", `${where}: ignoreLabels must be a list of labels, found ${show(ignored)}.`);
    }
    const strategy = strategyOf(options);
    const texts = typeof input === "string" ? [input] : input;
    const tags = await model.tag(texts, call);
    const found: (TokenEntity[] | EntityGroup[])[] = tags.map((list, t) =>
      strategy === "none"
        ? list.filter(({ label }) => !ignored.includes(label)).map((tag) => entityOf(tag, texts[t]))
        : groupEntities(texts[t], list, model.config.labels, { strategy, ignored }),
    );
    return typeof input === "string" ? found[0] : found;
  };
  return run as TokenClassification;
}

function strategyOf(options: TokenClassificationOptions): AggregationStrategy {
  const value: unknown = eitherName(options, "aggregationStrategy", "aggregation_strategy", where) ?? "none";
  const found = aggregationStrategies.find((strategy) => strategy === value);
  if (found !== undefined) return found;
  const near = typeof value === "string" ? nearestName(value, aggregationStrategies) : undefined;
  const hint =
    near === undefined ? `expected ${aggregationStrategies.map(show).join(", ")}` : `did you mean "${near}"?`;
  throw new TaperError("ERR_OPTION", `${where}: there is no aggregationStrategy ${show(value)}; ${hint}`);
}

function entityOf({ token, index, start, end, label, score }: Tag, text: string): TokenEntity {
  const word = (token.startsWith("##") ? "##" : "") + text.slice(start, end);
  return { entity: label, score, index, word, start, end };
}
