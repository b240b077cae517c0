/** A label for each token, special ones left out, and by default those that are labelled "O" (outside of every entity). */
import type { CallOptions, Model } from "../bert/model.ts";
import type { Tag } from "../bert/readouts.ts";
import { show, TaperError } from "../engine/errors.ts";
import { callOptions } from "./options.ts";
import type { ForEach, TokenEntity } from "./outputs.ts";

export interface TokenClassificationOptions extends CallOptions {
  /** Labels whose tokens are left out. Default ["O"]. */
  readonly ignoreLabels?: readonly string[] | undefined;
  /** The same under its other name. */
  readonly ignore_labels?: readonly string[] | undefined;
}

export type TokenClassification = <const Input extends string | readonly string[]>(
  texts: Input,
  options?: TokenClassificationOptions,
) => Promise<ForEach<Input, TokenEntity[]>>;

export function tokenClassification(model: Model): TokenClassification {
  const where = "token-classification";
  const run = async (
    input: string | readonly string[],
    options: TokenClassificationOptions = {},
  ): Promise<TokenEntity[] | TokenEntity[][]> => {
    const call = callOptions(options, ["ignoreLabels", "ignore_labels"], where);
    const ignored = options.ignoreLabels ?? options.ignore_labels ?? ["O"];
    if (!Array.isArray(ignored)) {
      throw new TaperError("ERR_OPTION", `${where}: ignoreLabels must be a list of labels, found ${show(ignored)}.`);
    }
    const texts = typeof input === "string" ? [input] : input;
    const tags = await model.tag(texts, call);
    const entities = tags.map((list, t) =>
      list.filter(({ label }) => !ignored.includes(label)).map((tag) => entityOf(tag, texts[t])),
    );
    return typeof input === "string" ? entities[0] : entities;
  };
  return run as TokenClassification;
}

function entityOf({ token, index, start, end, label, score }: Tag, text: string): TokenEntity {
  const word = (token.startsWith("##") ? "##" : "") + text.slice(start, end);
  return { entity: label, score, index, word, start, end };
}
